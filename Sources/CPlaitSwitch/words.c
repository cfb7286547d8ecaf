// Finds where the Swift runtime keeps, for each thread, the list of open accesses and the
// task-local values.
//
// Nothing here names a private symbol. The code calls the runtime's public entry points and looks
// for the one word of thread-local memory that follows them. If not exactly one word does, it
// assumes nothing.
#define _GNU_SOURCE
#include "plait_words.h"

#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// These belong to the runtime's ABI: code that the compiler emits calls them.
extern void swift_beginAccess(void *object, void *access, uintptr_t flags, void *pc);
extern void swift_endAccess(void *access);
extern void *swift_task_getCurrent(void) __attribute__((swiftcall));
extern void swift_task_localValuePush(const void *key, void *value, const void *type)
    __attribute__((swiftcall));
extern void swift_task_localValuePop(void) __attribute__((swiftcall));
/// The type Int.
extern const char type_of_int[] __asm__("$sSiN");

__thread plait_words plait_thread_words;

// MARK: Thread-local memory, word by word

/// A word of each thread: the library whose block has it, and the offset there.
typedef struct place {
    size_t module, offset;
} place;

enum { most_candidates = 16 };

typedef struct visit {
    /// Called with each word. The walk stops when it returns a value other than 0.
    void (*body)(struct visit *, place, uintptr_t *);
    uintptr_t wanted;
    place found;
    uintptr_t *word;
    int count;
    uintptr_t *copy;
    size_t words, capacity;
    place places[most_candidates];
    uintptr_t *candidates[most_candidates];
} visit;

static int visit_module(struct dl_phdr_info *library, size_t size, void *argument) {
    (void)size;
    visit *state = argument;
    char *block = library->dlpi_tls_data;
    if (!block) return 0;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        if (segment->p_type != PT_TLS) continue;
        for (size_t at = (sizeof(uintptr_t) - (uintptr_t)block % sizeof(uintptr_t)) % sizeof(uintptr_t);
             at + sizeof(uintptr_t) <= segment->p_memsz; at += sizeof(uintptr_t))
            state->body(state, (place){library->dlpi_tls_modid, at}, (uintptr_t *)(block + at));
    }
    return 0;
}

static void note_if_wanted(visit *state, place where, uintptr_t *word) {
    if (*word != state->wanted) return;
    state->found = where;
    state->word = word;
    state->count++;
}

static void note_if_at(visit *state, place where, uintptr_t *word) {
    if (where.module == state->found.module && where.offset == state->found.offset)
        state->word = word;
}

static void copy_word(visit *state, place where, uintptr_t *word) {
    (void)where;
    if (state->words < state->capacity) state->copy[state->words] = *word;
    state->words++;
}

static void note_if_set(visit *state, place where, uintptr_t *word) {
    size_t index = state->words++;
    if (index >= state->capacity || state->copy[index] != 0 || *word == 0 || *word % 8 != 0) return;
    if (state->count < most_candidates) {
        state->places[state->count] = where;
        state->candidates[state->count] = word;
    }
    state->count++;
}

static uintptr_t *word_at(place where) {
    visit state = {.body = note_if_at, .found = where};
    dl_iterate_phdr(visit_module, &state);
    return state.word;
}

// MARK: The list of accesses

enum { modify_tracked = 0x21 };

/// An open access, in the frame of the code that makes it.
typedef struct access {
    void *object, *pc;
    /// The next access, with the action in the lowest bit.
    uintptr_t next;
} access_node;

static place accesses_place;

static int find_accesses(void) {
    int objects[2];
    access_node outer, inner;
    swift_beginAccess(&objects[0], &outer, modify_tracked, 0);
    uintptr_t *word = NULL;
    visit state = {.body = note_if_wanted, .wanted = (uintptr_t)&outer};
    dl_iterate_phdr(visit_module, &state);
    if (state.count == 1) {
        word = state.word;
        accesses_place = state.found;
        swift_beginAccess(&objects[1], &inner, modify_tracked, 0);
        int isHead = *word == (uintptr_t)&inner && (inner.next & ~(uintptr_t)1) == (uintptr_t)&outer &&
            (inner.next & 1) == 1 && inner.object == &objects[1];
        swift_endAccess(&inner);
        if (!isHead || *word != (uintptr_t)&outer) word = NULL;
    }
    swift_endAccess(&outer);
    return word && *word != (uintptr_t)&outer;
}

// MARK: Task-local values

/// The head of a bound value: the next item, with a mark in its lowest bits.
typedef struct item {
    uintptr_t next;
    const void *key, *type;
} item;

static place bindings_place;
static int key_of_probe;

static void bind_probe(uintptr_t value) {
    swift_task_localValuePush(&key_of_probe, &value, type_of_int);
}

static const item *first_item(const uintptr_t *word) {
    // The word holds the address of the list's head.
    return *word ? (const item *)(*(const uintptr_t *)*word & ~(uintptr_t)7) : NULL;
}

static int has_layout(const uintptr_t *word) {
    enum { one = 0x5011, two = 0x5022 };
    bind_probe(one);
    bind_probe(two);
    const item *inner = first_item(word);
    int is_known = inner && inner->key == &key_of_probe && inner->type == type_of_int &&
        *(const uintptr_t *)(inner + 1) == two;
    if (is_known) {
        const item *outer = (const item *)(inner->next & ~(uintptr_t)7);
        is_known = outer && outer->key == &key_of_probe && outer->type == type_of_int &&
            *(const uintptr_t *)(outer + 1) == one && (outer->next & ~(uintptr_t)7) == 0;
    }
    swift_task_localValuePop();
    swift_task_localValuePop();
    return is_known;
}

static int find_bindings(void) {
    if (swift_task_getCurrent()) return 0;
    // Makes everything that the runtime makes on first use.
    bind_probe(1);
    swift_task_localValuePop();
    visit state = {.body = copy_word};
    dl_iterate_phdr(visit_module, &state);
    state.capacity = state.words;
    state.copy = malloc(state.capacity * sizeof *state.copy);
    if (!state.copy) return 0;
    state.words = 0;
    dl_iterate_phdr(visit_module, &state);
    bind_probe(1);
    state.words = 0;
    state.body = note_if_set;
    dl_iterate_phdr(visit_module, &state);
    swift_task_localValuePop();
    // A sanitizer or an allocator keeps words there that change too. Only the right one is set
    // back.
    uintptr_t *word = NULL;
    int matches = 0, found = 0;
    for (int i = 0; i < state.count && i < most_candidates; i++)
        if (*state.candidates[i] == 0) {
            word = state.candidates[i];
            bindings_place = state.places[i];
            matches++;
        }
    if (matches == 1 && state.count <= most_candidates) {
        found = plait_found_bindings;
        if (has_layout(word)) found |= plait_found_binding_layout;
    }
    free(state.copy);
    return found;
}

// MARK: Preparing

static int found;

static void *find_all(void *unused) {
    if (find_accesses()) found |= plait_found_accesses;
    found |= find_bindings();
    return unused;
}

static void find_once(void) {
    find_all(NULL);
    if (found & plait_found_bindings) return;
    // In a task, or while values are bound, the probe runs on a thread of its own.
    pthread_t finder;
    if (pthread_create(&finder, NULL, find_all, NULL) == 0) pthread_join(finder, NULL);
}

void plait_words_prepare(void) {
    if (plait_thread_words.known) return;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_once);
    // A library may give a thread its block only at first use there.
    if (found & plait_found_accesses) {
        access_node node;
        swift_beginAccess(&node, &node, modify_tracked, 0);
        swift_endAccess(&node);
        plait_thread_words.accesses = word_at(accesses_place);
    }
    if (found & plait_found_bindings) plait_thread_words.bindings = word_at(bindings_place);
    plait_thread_words.known = 1;
}

int plait_words_found(void) { return found; }

// MARK: The current task

static pthread_mutex_t task_guard = PTHREAD_MUTEX_INITIALIZER;
/// Guarded by `task_guard`.
static place task_place;

static uintptr_t *find_task(void *task) {
    pthread_mutex_lock(&task_guard);
    place known = task_place;
    pthread_mutex_unlock(&task_guard);
    uintptr_t *word = known.module ? word_at(known) : NULL;
    if (word && *word == (uintptr_t)task) return word;
    visit state = {.body = note_if_wanted, .wanted = (uintptr_t)task};
    dl_iterate_phdr(visit_module, &state);
    if (state.count != 1) return NULL;
    *state.word = 0;
    int is_it = swift_task_getCurrent() == NULL;
    *state.word = (uintptr_t)task;
    if (!is_it) return NULL;
    pthread_mutex_lock(&task_guard);
    task_place = state.found;
    pthread_mutex_unlock(&task_guard);
    return state.word;
}

static __thread uintptr_t *task_word;

void *plait_task_leave(void) {
    void *task = swift_task_getCurrent();
    if (!task) return NULL;
    if (!task_word || *task_word != (uintptr_t)task) task_word = find_task(task);
    if (!task_word) return NULL;
    *task_word = 0;
    return task;
}

void plait_task_return(void *task) {
    if (task) *task_word = (uintptr_t)task;
}

// MARK: Reading and binding

size_t plait_bindings_read(plait_binding *out, size_t capacity) {
    if (!(found & plait_found_binding_layout) || !plait_bindings_any()) return 0;
    size_t count = 0;
    for (const item *next = first_item(plait_thread_words.bindings); next;
         next = (const item *)(next->next & ~(uintptr_t)7)) {
        if (count < capacity) out[count] = (plait_binding){next->key, next->type, next + 1};
        count++;
    }
    return count;
}

void plait_binding_push(const void *key, void *value, const void *type) {
    swift_task_localValuePush(key, value, type);
}

void plait_binding_pop(void) { swift_task_localValuePop(); }
