import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ContainerTests {
    // MP-049
    @Test func `a list is sliced, extended and repeated in place`() async throws {
        try await withTestManager { manager in
            let list = try manager.list(Array(0..<10))
            #expect(try list.all() == Array(0..<10))
            let other: ManagedList<Int> = try manager.list()
            try other.append(contentsOf: [0, 1, 2, 3, 4])
            #expect(try other.get(2) == 2)
            #expect(try other.get(-1) == 4)
            #expect(try other.slice(from: 2, to: 10) == [2, 3, 4])
            #expect(try other.slice(from: -2) == [3, 4])
            #expect(try other.slice(from: 4, to: 2) == [])
            try other.repeat(times: 2)
            #expect(try other.all() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
            try other.append(contentsOf: [5, 6])
            #expect(try other.all() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6])
            try other.replaceSlice(from: 1, to: 11, with: [9])
            #expect(try other.all() == [0, 9, 6])
            try other.insert(7, at: 3)
            try other.insert(8, at: 0)
            #expect(try other.remove(at: 1) == 0)
            try other.sort()
            #expect(try other.all() == [6, 7, 8, 9])
            try other.reverse()
            #expect(try other.firstIndex(of: 6) == 3)
            #expect(try other.update(0, by: Adding(amount: 10)) == 19)
            #expect(try other.count() == 4)
            #expect(throws: ManagerError.noSuchIndex(4, count: 4)) { try other.get(4) }
            #expect(throws: ManagerError.noSuchIndex(-5, count: 4)) { try other.set(-5, 1) }
            // Unchanged.
            #expect(try list.all() == Array(0..<10))
        }
    }

    // MP-049, MP-051
    @Test func `a list in a list sees later changes`() async throws {
        try await withTestManager { manager in
            let inner = try manager.list([1, 2])
            let outer = try manager.list([inner])
            try inner.append(3)
            #expect(try outer.get(0).all() == [1, 2, 3])
            try outer.get(0).append(4)
            #expect(try inner.all() == [1, 2, 3, 4])
            #expect(try outer.get(0) == inner)
            let book: ManagedDictionary<String, ManagedList<Int>> = try manager.dictionary()
            try book.set("inner", inner)
            try book.get("inner")?.removeAll()
            #expect(try outer.get(0).count() == 0)
        }
    }

    // MP-051
    @Test func `what a container holds lives as long as that`() async throws {
        try await withTestManager { manager in
            let outer: ManagedList<ManagedList<Int>> = try manager.list()
            do {
                let inner = try manager.list([1, 2, 3])
                try outer.append(inner)
                try outer.append(try manager.list([4]))
            }
            #expect(try manager.statistics().objects == 3)
            #expect(try outer.get(0).all() == [1, 2, 3])
            #expect(try outer.get(1).all() == [4])
            try outer.remove(at: 0)
            #expect(try manager.statistics().objects == 2)
            try outer.removeAll()
            #expect(try manager.statistics().objects == 1)
        }
    }

    // MP-051
    @Test func `a list that contains itself crashes nobody`() async throws {
        try await withTestManager { manager in
            let list: ManagedList<Tree> = try manager.list([.leaf(1)])
            try list.append(.list(list))
            guard case .list(let same) = try list.get(1), case .list(let again) = try same.get(1)
            else {
                Issue.record("no list")
                return
            }
            #expect(same == list)
            try again.append(.leaf(2))
            #expect(try list.count() == 3)
            #expect(try list.all().count == 3)
        }
    }

    // MP-050
    @Test func `an iterator sees later changes and ends once`() async throws {
        try await withTestManager { manager in
            let list = try manager.list(Array(0..<3))
            var iterator = list.iterator()
            #expect(try iterator.next() == 0)
            try list.set(1, 10)
            try list.append(11)
            #expect(try iterator.next() == 10)
            #expect(try iterator.next() == 2)
            #expect(try iterator.next() == 11)
            #expect(try iterator.next() == nil)
            try list.append(12)
            #expect(try iterator.next() == nil)
            var other = list.iterator()
            #expect(try other.next() == 0)
        }
    }

    // MP-052, MP-137
    @Test func `a dictionary is read and changed, by a worker too`() async throws {
        try await withTestManager { manager in
            let book: ManagedDictionary<String, Int> = try manager.dictionary(["zero": 0])
            let worker = try spawn(.process, Remember.self, book)
            try worker.join()
            #expect(try book.get("pid") == Int(worker.pid))
            #expect(try book.keys().sorted() == ["one", "pid", "two", "zero"])
            #expect(try book.removeValue(for: "pid") == Int(worker.pid))
            #expect(try book.removeValue(for: "pid") == nil)
            #expect(try book.get("pid") == nil)
            #expect(try book.all() == ["zero": 0, "one": 1, "two": 2])
            #expect(try book.values().sorted() == [0, 1, 2])
            #expect(try book.contains("one"))
            #expect(try !book.contains("three"))
            #expect(try book.setIfAbsent("one", 5) == 1)
            #expect(try book.setIfAbsent("three", 3) == 3)
            #expect(try book.update("three", by: Adding(amount: 2)) == 5)
            #expect(try book.update("four", by: Adding(amount: 2)) == nil)
            #expect(throws: TooSmall(number: -1)) {
                try book.update("three", by: Adding(amount: -1))
            }
            #expect(try book.get("three") == 5)
            #expect(try book.count() == 4)
            var items: [String: Int] = [:]
            while let (key, value) = try book.popAny() { items[key] = value }
            #expect(items == ["zero": 0, "one": 1, "two": 2, "three": 5])
            try book.set("x", 1)
            try book.removeAll()
            #expect(try book.count() == 0)
        }
    }

    // MP-053
    @Test func `queues in lists and dictionaries work`() async throws {
        try await withTestManager { manager in
            let queues: ManagedList<ManagedQueue<String>> = try manager.list()
            let byName: ManagedDictionary<String, ManagedQueue<String>> = try manager.dictionary()
            for index in 0..<3 {
                let queue: ManagedQueue<String> = try manager.queue(capacity: 2)
                try queue.put("item \(index)")
                try queues.append(queue)
                try byName.set("\(index)", queue)
            }
            for index in 0..<3 { #expect(try queues.get(index).get() == "item \(index)") }
            try queues.get(1).put("again")
            #expect(try byName.get("1")?.get() == "again")
        }
    }

    @Test func `a set has each item once`() async throws {
        try await withTestManager { manager in
            let set = try manager.set(Set([1, 2, 3]))
            #expect(try !set.insert(3))
            #expect(try set.insert(4))
            #expect(try set.remove(1))
            #expect(try !set.remove(1))
            try set.formUnion([8, 9])
            try set.subtract([2])
            try set.formIntersection([3, 4, 8])
            #expect(try set.all() == [3, 4, 8])
            #expect(try set.contains(8))
            #expect(try set.count() == 3)
            var popped: Set<Int> = []
            while let item = try set.popAny() { popped.insert(item) }
            #expect(popped == [3, 4, 8])
        }
    }

    // MP-138
    @Test func `a value is set and got`() async throws {
        try await withTestManager { manager in
            let value = try manager.value(1.5)
            #expect(try value.get() == 1.5)
            #expect(try value.set(2.5) == 1.5)
            #expect(try value.get() == 2.5)
            let count = try manager.value(1)
            #expect(try count.update(by: Adding(amount: 4)) == 5)
        }
    }

    // MP-139
    @Test func `an array keeps its size`() async throws {
        try await withTestManager { manager in
            let array = try manager.array([1, 2, 3, 4])
            try array.set(0, 10)
            try array.set(-1, 40)
            #expect(try array.all() == [10, 2, 3, 40])
            #expect(try array.slice(from: 1, to: 3) == [2, 3])
            try array.set(from: 1, [5, 6])
            #expect(try array.get(2) == 6)
            #expect(throws: ManagerError.noSuchIndex(4, count: 4)) {
                try array.set(from: 3, [1, 2])
            }
            #expect(throws: ManagerError.noSuchIndex(4, count: 4)) { try array.get(4) }
            #expect(try array.count() == 4)
        }
    }

    @Test func `a namespace keeps values of their own types`() async throws {
        try await withTestManager { manager in
            let space = try manager.namespace()
            try space.set("name", "plait")
            try space.set("list", try manager.list([1]))
            try space.get("list", as: ManagedList<Int>.self)?.append(2)
            #expect(try space.get("list", as: ManagedList<Int>.self)?.all() == [1, 2])
            #expect(try space.get("name") == "plait")
            #expect(try space.get("nothing", as: Int.self) == nil)
            #expect(throws: ManagerError.otherType(expected: "Int", found: "String")) {
                try space.get("name", as: Int.self)
            }
            #expect(try space.names() == ["list", "name"])
            #expect(try space.remove("list"))
            #expect(try !space.remove("list"))
            #expect(try manager.statistics().objects == 1)
        }
    }

    @Test func `objects of a name are found, and stay`() async throws {
        try await withTestManager { manager in
            do {
                let book: ManagedDictionary<String, Int> = try manager.dictionary(named: "book")
                try book.set("a", 1)
            }
            let same: ManagedDictionary<String, Int> = try manager.dictionary(
                named: "book", ["b": 2])
            #expect(try same.all() == ["a": 1])
            #expect(throws: ManagerError.self) {
                let _: ManagedList<Int> = try manager.list(named: "book")
            }
            let counter = try manager.make(Counter.self, named: "counter", 1)
            #expect(try manager.make(Counter.self, named: "counter", 7) == counter)
        }
    }

    @Test func `objects go with the last reference, of any process`() async throws {
        try await withTestManager { manager in
            let outer = try manager.list([try manager.list([1, 2, 3])])
            #expect(try manager.statistics().objects == 2)
            // A reference comes back from a process that has ended since.
            let inner = try spawn(.process, MakeList.self, outer).join()
            #expect(try inner.all() == [1, 2, 3])
            while try manager.statistics().connections > 1 { Strand.yield() }
            try outer.removeAll()
            #expect(try inner.all() == [1, 2, 3])
            #expect(try manager.statistics().objects == 2)
            withExtendedLifetime(inner) {}
        }
    }

    @Test func `a reference on its way holds its object`() async throws {
        try await withTestManager { manager in
            let bytes = try MessagePackEncoder().encode(try manager.list([1, 2]))
            // Nobody else holds it now.
            #expect(try manager.statistics().objects == 1)
            do {
                let list: ManagedList<Int> = try MessagePackDecoder().decode(from: bytes)
                #expect(try list.all() == [1, 2])
            }
            #expect(try manager.statistics().objects == 0)
            let late: ManagedList<Int> = try MessagePackDecoder().decode(from: bytes)
            #expect(throws: ManagerError.self) { try late.all() }
        }
    }

    @Test func `a reference alone does not open a manager on a network`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv4.address(), key: key)
            #expect(throws: ManagerError.notConnected(address)) {
                try spawn(
                    .process, SendOn.self, Connect.Input(address: address, key: key)
                ).join()
            }
        }
    }

    @Test func `references go to the workers of a pool`() async throws {
        try await withTestManager { manager in
            let lists = try (1...6).map { try manager.list([$0, $0 * 10]) }
            let sums = try withProcessPool(workers: 2) { try $0.map(Sum.self, lists) }
            #expect(sums == (1...6).map { $0 * 11 })
        }
    }

    @Test func `eight processes change a dictionary at the same time`() async throws {
        try await withTestManager { manager in
            let book: ManagedDictionary<String, Int> = try manager.dictionary()
            let workers = try (0..<8).map { _ in
                try spawn(.process, CountUp.self, CountUp.Input(book: book, times: 250))
            }
            for worker in workers { try worker.join() }
            #expect(try book.get("count") == 2_000)
        }
    }

    @Test func `a reference to an object that is gone says so`() async throws {
        try await withTestManager { manager in
            let list = try manager.list([1])
            let bytes = try MessagePackEncoder().encode(list)
            // Lent to whoever decodes it first.
            var copy: ManagedList<Int>? = try MessagePackDecoder().decode(from: bytes)
            #expect(copy == list)
            #expect(try copy?.all() == [1])
            let number = list.object.reference.identity.object
            copy = nil
            let client = manager.client
            client.release(number)
            #expect(throws: ManagerError.objectGone(number)) { try list.all() }
        }
    }
}
