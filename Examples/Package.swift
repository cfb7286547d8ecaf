// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "plait-examples",
    dependencies: [.package(name: "plait", path: "..")],
    targets: [
        .executableTarget(name: "Echo", dependencies: [.product(name: "Plait", package: "plait")]),
        .executableTarget(
            name: "AnyWaiter", dependencies: [.product(name: "Plait", package: "plait")]),
        // Snippets.swift is written by scripts/snippets.
        .executableTarget(
            name: "Snippets", dependencies: [.product(name: "Plait", package: "plait")]),
    ],
    swiftLanguageModes: [.v6]
)
