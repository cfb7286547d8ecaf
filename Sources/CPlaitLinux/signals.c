// Signals that the program watches. A handler notes the signal for all watches, in whichever thread
// takes it. So no thread must block the signal, and it does not matter which threads exist already.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { last_signal = 64 };

struct plait_signal_watch {
    _Atomic(plait_signal_watch *) next;
    uint64_t signals;
    _Atomic uint64_t pending;
    int counter;
    pid_t process;
};

// Callers change these one at a time. The handler reads `watches` without a lock.
static _Atomic(plait_signal_watch *) watches;
static unsigned watch_counts[last_signal + 1];
static struct sigaction before[last_signal + 1];
// The process that has these watches. A copy of it has others, or none.
static _Atomic pid_t owner;
// How many handlers are running. A watch is freed only while there are none.
static atomic_int inside;

static uint64_t bit(int signal) { return (uint64_t)1 << (signal - 1); }

static void note(int signal) {
    int error = errno;
    if (getpid() != owner) {
        // A copy of the process that does not watch the signal. It takes its default action as soon
        // as this returns.
        sigaction(signal, &before[signal], NULL);
        raise(signal);
        errno = error;
        return;
    }
    // Sequentially consistent, as in plait_unwatch_signals(): either that function sees the
    // handler, or the handler does not see the watch.
    atomic_fetch_add(&inside, 1);
    for (plait_signal_watch *watch = watches; watch; watch = watch->next) {
        if (!(watch->signals & bit(signal))) continue;
        atomic_fetch_or(&watch->pending, bit(signal));
        uint64_t one = 1;
        // This fails only when the counter is full, and then its reader is on its way.
        if (write(watch->counter, &one, sizeof one) < 0) {}
    }
    atomic_fetch_sub(&inside, 1);
    errno = error;
}

static void restore(int signal) {
    struct sigaction now;
    // Leave alone a handler that other code has installed meanwhile.
    if (sigaction(signal, NULL, &now) == 0 && now.sa_handler == note) {
        sigaction(signal, &before[signal], NULL);
    }
}

static void forget_parent(void) {
    if (owner == getpid()) return;
    for (int signal = 1; signal <= last_signal; signal++) {
        if (watch_counts[signal]) restore(signal);
        watch_counts[signal] = 0;
    }
    watches = NULL;
    atomic_store(&inside, 0);
    owner = getpid();
}

static void uncount(uint64_t signals) {
    for (int signal = 1; signal <= last_signal; signal++) {
        if ((signals & bit(signal)) && --watch_counts[signal] == 0) restore(signal);
    }
}

int plait_watch_signals(uint64_t signals, int counter, plait_signal_watch **made) {
    // The kernel raises these for faults. If a handler returned, the same fault would come again
    // for ever.
    if (signals & (bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP))) return -EINVAL;
    forget_parent();
    plait_signal_watch *watch = malloc(sizeof *watch);
    if (!watch) return -ENOMEM;
    *watch = (plait_signal_watch){
        .signals = signals, .counter = counter, .process = getpid(), .next = watches};
    watches = watch;
    uint64_t done = 0;
    for (int signal = 1; signal <= last_signal; signal++) {
        if (!(signals & bit(signal))) continue;
        // The handler runs on the alternate signal stack if the thread has one, since a fiber's
        // stack may have no room for it.
        struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART | SA_ONSTACK};
        sigfillset(&action.sa_mask);
        if (watch_counts[signal] == 0 && sigaction(signal, &action, &before[signal]) < 0) {
            int error = errno;
            uncount(done);
            watch->signals = 0;
            plait_unwatch_signals(watch);
            return -error;
        }
        watch_counts[signal]++;
        done |= bit(signal);
        plait_block_signal(signal, 0);
    }
    *made = watch;
    return 0;
}

void plait_unwatch_signals(plait_signal_watch *watch) {
    // The watch belongs to the parent, whose list this process may have left behind.
    if (watch->process != getpid()) return;
    uncount(watch->signals);
    _Atomic(plait_signal_watch *) *link = &watches;
    while (*link && *link != watch) link = &(*link)->next;
    if (*link) *link = watch->next;
    while (atomic_load(&inside) > 0) sched_yield();
    free(watch);
}

uint64_t plait_take_signals(plait_signal_watch *watch) { return atomic_exchange(&watch->pending, 0); }
