// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A library layer: `Sources/<name>`, importing only layers below it, all of which it names.
func layer(_ name: String, over dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of a layer: `Tests/<name>Tests`.
func tests(_ name: String, over dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

/// A program that tests start: `Tests/<name>`.
func probe(_ name: String, over dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "plait",
    products: [
        .library(name: "Plait", targets: ["Plait"]),
        // Each layer can be had alone.
        .library(name: "CPlaitSwitch", targets: ["CPlaitSwitch"]),
        .library(name: "PlaitParking", targets: ["PlaitParking"]),
        .library(name: "PlaitSelectors", targets: ["PlaitSelectors"]),
        .library(name: "PlaitSync", targets: ["PlaitSync"]),
        .library(name: "PlaitLoop", targets: ["PlaitLoop"]),
        .library(name: "PlaitStrands", targets: ["PlaitStrands"]),
        .library(name: "PlaitIO", targets: ["PlaitIO"]),
        .library(name: "PlaitNet", targets: ["PlaitNet"]),
        .library(name: "PlaitProcesses", targets: ["PlaitProcesses"]),
        .library(name: "PlaitRemote", targets: ["PlaitRemote"]),
        .library(name: "PlaitTesting", targets: ["PlaitTesting"]),
        .executable(name: "plait", targets: ["PlaitCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    ],
    // Each names everything that it imports, and imports only what stands above it: `make lint`.
    targets: [
        .target(name: "CPlaitSwitch"),
        .target(name: "CPlaitLinux"),
        // Debian: libssl-dev.
        .systemLibrary(name: "CPlaitOpenSSL"),
        layer("PlaitPlatform", over: ["CPlaitLinux", system]),
        layer("PlaitParking", over: ["PlaitPlatform"]),
        layer("PlaitSelectors", over: ["CPlaitLinux", "PlaitPlatform", system]),
        layer("PlaitSync", over: ["PlaitPlatform", "PlaitParking", deque, heap, logging]),
        layer("PlaitLoop", over: ["PlaitPlatform", "PlaitParking", "PlaitSelectors"]),
        layer(
            "PlaitStrands",
            over: [
                "CPlaitSwitch", "CPlaitLinux", "PlaitPlatform", "PlaitParking", "PlaitSelectors",
                "PlaitSync", "PlaitLoop", deque, logging,
            ]),
        layer(
            "PlaitIO",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync", "PlaitLoop",
                "PlaitStrands", system,
            ]),
        layer(
            "PlaitNet",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitIO", logging,
                system,
            ]),
        layer(
            "PlaitProcesses",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync", "PlaitLoop",
                "PlaitStrands", "PlaitIO", deque, system,
            ]),
        layer(
            "PlaitRemote",
            over: [
                "CPlaitOpenSSL", "PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands",
                "PlaitIO", "PlaitProcesses", system,
            ]),
        layer(
            "Plait",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync", "PlaitLoop",
                "PlaitStrands", "PlaitIO", "PlaitNet", "PlaitProcesses",
            ]),
        layer(
            "PlaitTesting",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitStrands",
                system,
            ]),
        // The bytecode machine of `plait lab gil`.
        layer("PlaitMachine", over: ["Plait"]),
        .executableTarget(
            name: "PlaitCommand",
            dependencies: ["Plait", "PlaitRemote", "PlaitMachine", arguments],
            swiftSettings: strict),
        .target(
            name: "TestSupport",
            dependencies: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", system],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests(
            "PlaitPlatform",
            over: [
                "CPlaitSwitch", "PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands",
                system,
            ]),
        tests("PlaitParking", over: ["PlaitPlatform", "PlaitParking", "PlaitStrands"]),
        tests("PlaitSelectors", over: ["PlaitPlatform", "PlaitSelectors", system]),
        tests(
            "PlaitLoop",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitLoop", "PlaitStrands",
                "PlaitTesting", system,
            ]),
        tests(
            "PlaitStrands",
            over: [
                "CPlaitSwitch", "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync",
                "PlaitLoop", "PlaitStrands", system,
            ]),
        tests(
            "PlaitIO",
            over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitIO"]),
        tests("PlaitSync", over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands"]),
        tests(
            "PlaitNet",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync", "PlaitStrands",
                "PlaitIO", "PlaitNet", system,
            ]),
        probe(
            "ForkProbe",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitNet",
                "PlaitProcesses", "PlaitRemote", system,
            ]),
        probe(
            "ThreadProbe",
            over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitLoop", "PlaitStrands"]),
        probe(
            "ChaosProbe",
            over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitProcesses"]),
        tests(
            "PlaitProcesses",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSelectors", "PlaitSync", "PlaitStrands",
                "PlaitIO", "PlaitProcesses", "ForkProbe", "ThreadProbe", "ChaosProbe", system,
            ]),
        tests(
            "PlaitRemote",
            over: [
                "PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitProcesses",
                "PlaitRemote", system,
            ]),
        tests(
            "PlaitTesting",
            over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands", "PlaitTesting"]),
        tests("PlaitCommand", over: ["PlaitCommand", "PlaitMachine", "Plait"]),
        tests("Conformance", over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands"]),
        tests("Stress", over: ["PlaitPlatform", "PlaitParking", "PlaitSync", "PlaitStrands"]),
    ],
    swiftLanguageModes: [.v6]
)

// The thread sanitizer watches the layers up to PlaitStrands: what stands on them need not be built for it.
if Context.environment["PLAIT_UP_TO_STRANDS"] != nil {
    let layers = [
        "PlaitIO", "PlaitNet", "PlaitProcesses", "PlaitRemote", "PlaitMachine", "PlaitCommand",
    ]
    let others = ["Plait", "CPlaitOpenSSL", "ForkProbe", "ThreadProbe", "ChaosProbe"]
    let above = Set(layers + layers.map { "\($0)Tests" } + others)
    package.targets.removeAll { above.contains($0.name) }
    package.products.removeAll { above.contains($0.name) || $0.name == "plait" }
}
