import Glibc

/// Whether an environment variable is set.
func isSet(_ variable: String) -> Bool { unsafe getenv(variable) != nil }
