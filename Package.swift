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

/// A library layer: `Sources/<name>`, importing only layers below it.
func layer(_ name: String, over dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of a layer: `Tests/<name>Tests`.
func tests(_ name: String, over dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: dependencies, swiftSettings: strict)
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
        .library(name: "PlaitNet", targets: ["PlaitNet"]),
        .library(name: "PlaitProcesses", targets: ["PlaitProcesses"]),
        .library(name: "PlaitRemote", targets: ["PlaitRemote"]),
        .executable(name: "plait", targets: ["PlaitCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    ],
    targets: [
        .target(name: "CPlaitSwitch"),
        .target(name: "CPlaitLinux"),
        layer("PlaitPlatform", over: ["CPlaitLinux", system]),
        layer("PlaitParking", over: ["PlaitPlatform"]),
        layer("PlaitSelectors", over: ["PlaitPlatform", system]),
        layer("PlaitSync", over: ["PlaitParking", deque, heap, logging]),
        layer("PlaitLoop", over: ["PlaitParking", "PlaitSelectors"]),
        layer(
            "PlaitStrands",
            over: ["CPlaitSwitch", "PlaitSync", "PlaitLoop", deque, logging, system]),
        layer("PlaitNet", over: ["PlaitStrands", logging, system]),
        layer("PlaitProcesses", over: ["PlaitStrands", deque, system]),
        // Debian: libssl-dev.
        .systemLibrary(name: "CPlaitOpenSSL"),
        layer("PlaitRemote", over: ["CPlaitOpenSSL", "PlaitProcesses", system]),
        layer("Plait", over: ["PlaitNet", "PlaitProcesses"]),
        .executableTarget(
            name: "PlaitCommand", dependencies: ["Plait", "PlaitRemote", arguments],
            swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["PlaitStrands", system],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests(
            "PlaitPlatform",
            over: ["CPlaitSwitch", "PlaitPlatform", "PlaitStrands", "TestSupport", system]),
        tests("PlaitParking", over: ["PlaitParking", "TestSupport"]),
        tests("PlaitSelectors", over: ["PlaitSelectors", "TestSupport", system]),
        tests("PlaitLoop", over: ["PlaitLoop", "PlaitStrands", "TestSupport", system]),
        tests("PlaitStrands", over: ["CPlaitSwitch", "PlaitStrands", "TestSupport", system]),
        tests("PlaitSync", over: ["PlaitSync", "TestSupport"]),
        tests("PlaitNet", over: ["PlaitNet", "TestSupport", system]),
        .executableTarget(
            name: "ForkProbe", dependencies: ["PlaitNet", "PlaitRemote", system],
            path: "Tests/ForkProbe", swiftSettings: strict),
        .executableTarget(
            name: "ThreadProbe", dependencies: ["PlaitStrands"],
            path: "Tests/ThreadProbe", swiftSettings: strict),
        .executableTarget(
            name: "ChaosProbe", dependencies: ["PlaitProcesses"],
            path: "Tests/ChaosProbe", swiftSettings: strict),
        tests(
            "PlaitProcesses",
            over: [
                "PlaitProcesses", "ForkProbe", "ThreadProbe", "ChaosProbe", "TestSupport", system,
            ]),
        tests("PlaitRemote", over: ["PlaitRemote", "TestSupport", system]),
        tests("PlaitCommand", over: ["PlaitCommand", "Plait", "TestSupport"]),
        tests("Conformance", over: ["PlaitStrands", "TestSupport"]),
        tests("Stress", over: ["PlaitStrands", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
