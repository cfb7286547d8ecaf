// The words of the Swift runtime's thread-local memory that belong to a flow of control and not to
// its thread. Their places are found at run time. See docs/decisions/0017-flow-of-control.md.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct plait_words {
    /// The head of the list of open exclusive accesses; null if it was not found.
    uintptr_t *_Nullable accesses;
    /// The task-local values that are bound outside of a task; null if the word was not found.
    uintptr_t *_Nullable bindings;
    /// Whether the calling thread has looked.
    uintptr_t known;
} plait_words;

/// The words of the calling thread. plait_words_prepare() fills them.
extern __thread plait_words plait_thread_words __attribute__((tls_model("initial-exec")));

/// Finds the words of the calling thread, unless it has done so before. The first call of the
/// program finds their places, which takes some 20 µs.
void plait_words_prepare(void);

/// Bits of the result of plait_words_found().
enum { plait_found_accesses = 1, plait_found_bindings = 2, plait_found_binding_layout = 4 };
/// What the program has found; 0 before the first look.
int plait_words_found(void);

/// Takes the current Swift task off the calling thread and returns it. Null if there is none, or if
/// its word was not found. Until the task is put back, code on this thread runs outside of it.
void *_Nullable plait_task_leave(void);
/// Undoes plait_task_leave().
void plait_task_return(void *_Nullable task);

/// A task-local value that is bound on the calling thread, outside of a task.
typedef struct plait_binding {
    const void *_Nonnull key;
    const void *_Nonnull type;
    /// The address of the value, up to the padding for its type's alignment.
    const void *_Nonnull place;
} plait_binding;

/// Whether any value is bound.
static inline int plait_bindings_any(void) {
    const uintptr_t *word = plait_thread_words.bindings;
    return word && *word;
}
/// Replaces all bound values by the result of an earlier call, or by none if that is 0.
static inline uintptr_t plait_bindings_exchange(uintptr_t other) {
    uintptr_t *word = plait_thread_words.bindings;
    if (!word) return 0;
    uintptr_t bound = *word;
    *word = other;
    return bound;
}
/// Fills `out` with the bound values, the innermost first. Returns how many there are, which may be
/// more than `capacity`; 0 if the layout was not recognised.
size_t plait_bindings_read(plait_binding *_Nullable out, size_t capacity);
/// Binds a value, which it moves out of `value`; see plait_binding_pop().
void plait_binding_push(const void *_Nonnull key, void *_Nonnull value, const void *_Nonnull type);
void plait_binding_pop(void);
