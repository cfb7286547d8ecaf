// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [.strictMemorySafety()]

let package = Package(
    name: "plait-benchmarks",
    products: [
        .executable(name: "plait-bench", targets: ["PlaitBench"]),
        .executable(name: "floor-echo", targets: ["FloorEcho"]),
        .executable(name: "load", targets: ["FloorLoad"]),
        .executable(name: "floor-switch", targets: ["FloorSwitch"]),
        .executable(name: "floor-mutex", targets: ["FloorMutex"]),
        .executable(name: "floor-queue", targets: ["FloorQueue"]),
        .executable(name: "peer-nio", targets: ["PeerNIO"]),
        .executable(name: "peer-swift", targets: ["PeerSwift"]),
        .executable(name: "ours-echo", targets: ["OursEcho"]),
        .executable(name: "ours-micro", targets: ["OursMicro"]),
        .executable(name: "floor-processes", targets: ["FloorProcesses"]),
        .executable(name: "ours-processes", targets: ["OursProcesses"]),
        .executable(name: "ours-managers", targets: ["OursManagers"]),
    ],
    dependencies: [
        .package(name: "plait", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms.git", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CBenchSupport"),
        .target(
            name: "MicroSupport", dependencies: ["CBenchSupport"], swiftSettings: swiftSettings),
        .executableTarget(name: "FloorEcho", dependencies: ["CBenchSupport"]),
        .executableTarget(name: "FloorLoad", dependencies: ["CBenchSupport"]),
        .executableTarget(name: "FloorSwitch", dependencies: ["CBenchSupport"]),
        .executableTarget(name: "FloorMutex", dependencies: ["CBenchSupport"]),
        .executableTarget(name: "FloorProcesses", dependencies: ["CBenchSupport"]),
        .executableTarget(
            name: "OursProcesses",
            dependencies: [
                .product(name: "PlaitProcesses", package: "plait"),
                .product(name: "PlaitStrands", package: "plait"),
                .product(name: "PlaitSync", package: "plait"),
            ], swiftSettings: swiftSettings,
            // As servers are shipped: else a program that is started anew spends its time in the loader.
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
        .executableTarget(
            name: "OursManagers",
            dependencies: [
                .product(name: "Plait", package: "plait"),
                .product(name: "PlaitRemote", package: "plait"),
            ], swiftSettings: swiftSettings),
        .executableTarget(name: "FloorQueue", dependencies: ["CBenchSupport"]),
        .executableTarget(
            name: "PeerNIO",
            dependencies: [
                "CBenchSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "PeerSwift",
            dependencies: [
                "MicroSupport",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "OursEcho",
            dependencies: ["CBenchSupport", .product(name: "Plait", package: "plait")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "OursMicro",
            dependencies: [
                "CBenchSupport", "MicroSupport",
                .product(name: "CPlaitSwitch", package: "plait"),
                .product(name: "Plait", package: "plait"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "PlaitBench",
            dependencies: [
                "CBenchSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/plait-bench",
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
