// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "plait-examples",
    dependencies: [
        .package(name: "plait", path: ".."),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", exact: "1.0.2"),
    ],
    targets: [
        .executableTarget(name: "Echo", dependencies: [.product(name: "Plait", package: "plait")]),
        .executableTarget(
            name: "AnyWaiter", dependencies: [.product(name: "Plait", package: "plait")]),
        .executableTarget(
            name: "Commands",
            dependencies: [
                .product(name: "Plait", package: "plait"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ]),
        .executableTarget(
            name: "Orphans", dependencies: [.product(name: "Plait", package: "plait")]),
        // Snippets.swift is written by scripts/snippets.
        .executableTarget(
            name: "Snippets",
            dependencies: [
                .product(name: "Plait", package: "plait"),
                .product(name: "PlaitRemote", package: "plait"),
                .product(name: "PlaitTesting", package: "plait"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
