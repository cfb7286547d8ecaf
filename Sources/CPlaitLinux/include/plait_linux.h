// System calls that Swift's Glibc module lacks or cannot express, and the thread-local cell.
// No policy. Calls that can fail return -errno.
#pragma once
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

// MARK: The thread-local cell

/// The bounds with which the overflow handler compares a fault, and the texts for it and for
/// samples of the thread.
typedef struct plait_stack_note {
    uintptr_t guard_low;
    uintptr_t guard_high;
    size_t size;
    uint64_t fiber_number;
    const char *_Nullable fiber_name;
} plait_stack_note;

/// Takes the name out of a note that signal handlers of this thread may look at.
static inline const char *_Nullable plait_stack_note_take_name(plait_stack_note *_Nonnull note) {
    const char *name = note->fiber_name;
    note->fiber_name = NULL;
    // The caller frees the name after this.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return name;
}

/// The record of the running thread. It is read inline: a started fiber never leaves its thread, so
/// the address stays valid on its stack.
typedef struct plait_cell {
    /// The `Strand` that runs now, unretained; null on a thread that Plait has not met.
    void *_Nullable strand;
    /// The `Hub` of this thread, unretained; null without one.
    void *_Nullable hub;
    /// The running fiber's stack; null while none runs.
    const struct plait_stack_note *_Nullable stack;
    /// The present on this thread, if a test has set it; 0 means that the clock tells it.
    uint64_t virtual_now;
} plait_cell;

// Initial-exec: one instruction instead of a call.
extern __thread plait_cell plait_thread_cell __attribute__((tls_model("initial-exec")));

static inline plait_cell *_Nonnull plait_cell_get(void) { return &plait_thread_cell; }

// The unique number of the running Swift task; 0 outside of tasks. These functions belong to the
// ABI of the concurrency runtime. `withUnsafeCurrentTask` calls the first one too, but takes 40 ns.
extern void *_Nullable swift_task_getCurrent(void) __attribute__((swiftcall));
extern uint64_t swift_task_getJobTaskId(void *_Nonnull) __attribute__((swiftcall));
static inline uint64_t plait_current_task(void) {
    void *task = swift_task_getCurrent();
    return task ? swift_task_getJobTaskId(task) : 0;
}

/// Calls `destroy(value)` when this thread ends; a later call replaces the value.
void plait_at_thread_exit(void *_Nonnull value, void (*_Nonnull destroy)(void *_Nullable));

// MARK: Clock, processor

/// CLOCK_MONOTONIC in nanoseconds, or what a test has set for the calling thread.
static inline uint64_t plait_now(void) {
    if (__builtin_expect(plait_thread_cell.virtual_now != 0, 0)) return plait_thread_cell.virtual_now;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void plait_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// MARK: Futex (private to the process)

/// Sleeps while `*word == expected`, at most until `deadline` (in ns of CLOCK_MONOTONIC; UINT64_MAX
/// means for ever). Returns 0, -EAGAIN (the word differs), -ETIMEDOUT or -EINTR.
int plait_futex_wait(const uint32_t *_Nonnull word, uint32_t expected, uint64_t deadline);
int plait_futex_wake(const uint32_t *_Nonnull word, int count);

// MARK: epoll, poll, eventfd

typedef struct plait_event {
    uint32_t events;
    uint64_t token;
} plait_event;

int plait_epoll_create(void);
/// `operation`: 1 add, 2 delete, 3 modify.
int plait_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token);
/// `timeout` is in ns; a negative one means for ever. Fills `events` and returns how many there
/// are.
int plait_epoll_wait(int epoll, void *_Nonnull events, int capacity, int64_t timeout);
/// Reads entry `index` of the events of `plait_epoll_wait`.
plait_event plait_epoll_event(const void *_Nonnull events, int index);
/// The size of an entry in the buffer for `plait_epoll_wait`, in bytes.
size_t plait_epoll_event_size(void);
/// `descriptors` is an array of `struct pollfd`. `timeout` is in ns; a negative one means for ever.
/// `unblocked`, if not 0, is a signal that is unblocked only while this call waits.
int plait_poll(void *_Nonnull descriptors, unsigned count, int64_t timeout, int unblocked);
/// The next connection of a listening socket, non-blocking and closed on exec.
int plait_accept(int listener);
/// Sends two runs of bytes as one on a Unix socket, and the descriptor `passed` with the first
/// byte, unless it is -1. Returns how many bytes went, or -errno.
ssize_t plait_send_passing(
    int socket, const void *_Nonnull head, size_t head_count, const void *_Nullable body,
    size_t body_count, int passed);
enum { PLAIT_NONE_PASSED = -1, PLAIT_LOST_PASSED = -2 };
/// Receives up to `count` bytes from a Unix socket, and the descriptor that came with them, which
/// is closed on exec; closes further ones. Returns how many bytes came, or -errno.
ssize_t plait_receive_passed(
    int socket, void *_Nonnull bytes, size_t count, int *_Nonnull passed);
int plait_eventfd(void);

// MARK: Threads and signals

pid_t plait_gettid(void);
/// Names the calling thread; the kernel keeps 15 bytes.
void plait_name_thread(const char *_Nonnull name);
/// Sends `signal` to one thread of this process.
int plait_tgkill(pid_t thread, int signal);

// SIGQUIT asks for a list of strands, unless the program handles it: see dump.c. A thread that
// sleeps in Plait enters itself, gives its place back at its end, and checks after each interrupted
// sleep whether it must answer.
void plait_dump_on_quit(void);
int plait_dump_enter_thread(void);
void plait_dump_leave_thread(int place);
int plait_dump_take(void);
// Whether a timer of the system's, or a handler of signals, may still do something in a process
// whose threads all sleep. Plait's own handlers do not count: those of a range of signals, and
// SIGQUIT's.
int plait_others_may_interrupt(int first_own, int last_own);
/// Installs an empty handler for `signal` without SA_RESTART, and blocks it in this thread.
int plait_prepare_interrupt(int signal);
/// Blocks (or unblocks) `signal` in the calling thread.
int plait_block_signal(int signal, int blocked);

/// A watch for signals of the process.
typedef struct plait_signal_watch plait_signal_watch;
/// Begins a watch for `signals` (bit n - 1 for signal n). Each signal that any thread takes is
/// noted and written to `counter`, an eventfd that must stay open as long; all watches learn of it.
/// Unblocks the signals in the calling thread. Returns 0 or -errno: EINVAL for signals that cannot
/// be caught, and for faults. One caller at a time.
int plait_watch_signals(
    uint64_t signals, int counter, plait_signal_watch *_Nullable *_Nonnull made);
/// Ends a watch. After the last watch of a signal, the signal acts as before. One caller at a time.
void plait_unwatch_signals(plait_signal_watch *_Nonnull watch);
/// Returns the signals that have come since the last call.
uint64_t plait_take_signals(plait_signal_watch *_Nonnull watch);

/// How many processors the calling thread may use.
int plait_cpu_count(void);

/// Gives this thread an alternate signal stack. Once in a process it also installs a handler for
/// SIGSEGV and SIGBUS, which explains a hit of the running fiber's guard on standard error and ends
/// the process by SIGABRT. Other faults go to the handler that was there before.
int plait_watch_overflow(void);
/// Frees the thread's alternate signal stack.
void plait_unwatch_overflow(void);

// MARK: Memory

/// Guards [address, address + length) without using up a mapping (Linux 6.13 and later).
int plait_guard_install(void *_Nonnull address, size_t length);

/// When a process was started, in ticks since the system's start. 0 if there is no such process, or
/// if it has ended and was not reaped.
uint64_t plait_process_start(pid_t process);

// MARK: Shared memory

/// Makes an anonymous file in memory of a size that never changes, closed on exec. Returns it or
/// -errno.
int plait_memory_file(const char *_Nonnull name, size_t bytes);
/// Maps `head` bytes from the file's start, and after them each of `count` runs of `bytes` twice,
/// so that data beyond a run's end continue at its start. Returns NULL with errno set on failure.
void *_Nullable plait_map_rings(int file, size_t head, size_t bytes, int count);

/// A word on which a thread sleeps while it holds `expected`: the kernel's `struct futex_waitv`.
typedef struct plait_sleep_word {
    uint64_t expected;
    uint64_t address;
    uint32_t kind;
    uint32_t reserved;
} plait_sleep_word;

enum { PLAIT_SHARED_WORD = 2, PLAIT_OWN_WORD = 2 | 128, PLAIT_MOST_SLEEP_WORDS = 128 };

/// Sleeps while every word holds its expected value, up to `deadline` in nanoseconds of the
/// monotonic clock; may return early. A kernel that cannot sleep on several words (before 5.16)
/// sleeps on the first, for a millisecond.
void plait_sleep_on(const plait_sleep_word *_Nonnull words, unsigned count, uint64_t deadline);
void plait_shared_wake(const uint32_t *_Nonnull word, int count);

#define PLAIT_ROBUST_SIZE 64
/// Makes a lock that processes share and that survives its holder. Returns 0 or -errno.
int plait_robust_make(void *_Nonnull place);
/// Returns 0 if taken, 1 if taken from a holder that died, or -EBUSY. A caller that has slept for
/// the lock must say so.
int plait_robust_try(void *_Nonnull place, int has_waited);
int plait_robust_release(void *_Nonnull place);
/// The word on which waiters sleep while somebody holds the lock.
uint32_t *_Nonnull plait_robust_word(void *_Nonnull place);
/// Makes the next release wake a sleeper. Returns what the word holds then, or 0 if nobody holds
/// the lock.
uint32_t plait_robust_announce(void *_Nonnull place);
/// Whether a thread of this process holds the lock.
int plait_robust_is_held_here(const void *_Nonnull place);
/// The thread that holds the lock; 0 if none does.
pid_t plait_robust_holder(const void *_Nonnull place);
/// Maps bytes of a file, shared by all processes that map it. Returns NULL with errno set on
/// failure.
void *_Nullable plait_map_shared(int file, size_t bytes);

// MARK: Processes

/// Copies the calling process, which has one thread. Returns 0 in the copy, and in the caller the
/// copy's number or -errno. The copy's thread-local memory is new, except the cell and glibc's own.
/// `*pidfd` is the copy's descriptor, or -1 if the copy has ended and the system has forgotten it.
pid_t plait_fork(int *_Nonnull pidfd);
/// As plait_fork(), but the copy is a child of the caller's own parent.
pid_t plait_clone_sibling(int *_Nonnull pidfd);
int plait_pidfd_open(pid_t pid);
/// Reaps the child behind `pidfd`. Returns 1 and sets `*code` and `*signal` when it has ended, and
/// 0 while it runs.
int plait_pidfd_reap(int pidfd, int *_Nonnull code, int *_Nonnull signal);
/// Sends `signal` to the process behind `pidfd`, and to no other. Returns 0 or -errno.
int plait_pidfd_signal(int pidfd, int signal);
/// Ends the child behind `pidfd` and waits until it is gone.
void plait_pidfd_discard(int pidfd);
/// Makes this process the parent of the children that its descendants leave behind. Returns 0 or
/// -errno.
int plait_become_subreaper(void);
/// Waits until a child has ended, without reaping it. Returns its number or -errno.
pid_t plait_await_child(void);
/// Takes the status of the child `pid`. Returns 1 when it has ended, 0 while it runs, or -errno.
int plait_reap(pid_t pid, int *_Nonnull code, int *_Nonnull signal);
/// Sends `signal` to this process when its parent ends.
int plait_parent_death_signal(int signal);
void plait_exit_now(int code) __attribute__((noreturn));

typedef struct plait_spawn_plan {
    /// These become descriptors 0, 1 and 2 of the child; -1 takes the parent's own.
    int standard[3];
    /// The signal that the child gets when the thread that started it ends; 0 for none.
    int death_signal;
    /// Whether the child leads a process group of its own.
    int own_group;
    /// Whether the child leads a session of its own, and therefore also a group.
    int own_session;
    /// This becomes descriptor 3 of the child; -1 for none.
    int link;
    /// The child's working directory; NULL takes the parent's.
    const char *_Nullable directory;
    /// The child's environment; NULL takes the parent's own.
    char *_Nullable const *_Nullable environment;
    /// Bytes of memory, seconds of processor time, descriptors; 0 takes the parent's limit.
    uint64_t memory, seconds, descriptors;
    /// The processors that the child may use; NULL takes the parent's.
    const int *_Nullable processors;
    size_t processor_count;
    /// Whether signals keep their present actions instead of the default ones. For plait_settle()
    /// only.
    int keeps_signals;
} plait_spawn_plan;

/// Starts `path` (looked up in PATH if it has no slash). The child has default signal actions, no
/// blocked signal, and only the standard descriptors of the parent. Returns its pid or -errno;
/// `*pidfd` is its descriptor.
pid_t plait_spawn(const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
                  const plait_spawn_plan *_Nonnull plan, int *_Nonnull pidfd);
/// Applies the plan, except its program, to a process that plait_clone_sibling() or plait_fork()
/// has made. Returns 0 or -errno.
int plait_settle(const plait_spawn_plan *_Nonnull plan, pid_t parent);
/// The bounds of the image of the program or library into which this is linked.
uintptr_t plait_image_start(void);
uintptr_t plait_image_end(void);
/// The distance from the image's start to the description of a type, or -1. Only for types that are
/// not generic and that the compiler has listed there. Sets `*name` to the type's own name.
intptr_t plait_type_offset(const void *_Nonnull metadata, const char *_Nullable *_Nonnull name);
/// The metadata of the listed type with this offset and this name; NULL if there is none.
const void *_Nullable plait_type_at(intptr_t offset, const char *_Nonnull name);
/// Makes a pipe whose ends are closed on exec; `ends[0]` is the reading end.
int plait_pipe(int *_Nonnull ends);
/// Writes without raising SIGPIPE in this process. Returns the count or -errno.
ssize_t plait_write_pipe(int descriptor, const void *_Nonnull bytes, size_t count);
/// As plait_write_pipe(), to any kind of descriptor. Writes as much as it takes at once; -EAGAIN if
/// that is nothing.
ssize_t plait_write_now(int descriptor, const void *_Nonnull bytes, size_t count);
/// How many threads this process has, or -errno.
int plait_thread_count(void);
