// Types of this program by their place in its image. Offsets come from other processes, so they are
// only compared with the places of the types that the compiler has listed, and never used as
// addresses.
#include "plait_linux.h"

#include <string.h>

// The list has one record for each type, which gives the distance from itself to the type's
// description. The linker names the ends of the list.
extern const int32_t __start_swift5_type_metadata[] __attribute__((weak, visibility("hidden")));
extern const int32_t __stop_swift5_type_metadata[] __attribute__((weak, visibility("hidden")));

/// The beginning of the description of a class, structure or enumeration. The last three fields are
/// relative to themselves.
typedef struct {
    uint32_t flags;
    int32_t parent, name, access;
} description;

typedef struct {
    const void *metadata;
    size_t state;
} response;

typedef __attribute__((swiftcall)) response (*accessor)(size_t request);

/// NULL for types that have no single metadata or are described elsewhere.
static const description *listed(const int32_t *record) {
    if (*record & 3) return NULL;
    const description *it = (const description *)((uintptr_t)record + (intptr_t)*record);
    uint32_t kind = it->flags & 0x1F, is_generic = it->flags & 0x80;
    return kind >= 16 && kind <= 18 && !is_generic && it->access && it->name ? it : NULL;
}

static const char *name_of(const description *it) {
    return (const char *)((uintptr_t)&it->name + (intptr_t)it->name);
}

static const void *metadata_of(const description *it) {
    accessor access = (accessor)((uintptr_t)&it->access + (intptr_t)it->access);
    return access(0).metadata;
}

intptr_t plait_type_offset(const void *metadata, const char **name) {
    const uintptr_t *words = metadata;
    // The kinds of structures, enumerations and optionals, and of classes.
    uintptr_t place = words[0] >= 0x200 && words[0] <= 0x202 ? words[1] : words[0] == 0 ? words[5] : 0;
    for (const int32_t *r = __start_swift5_type_metadata; r < __stop_swift5_type_metadata; r++) {
        const description *it = listed(r);
        if (!it || (uintptr_t)it != place || metadata_of(it) != metadata) continue;
        *name = name_of(it);
        return (intptr_t)(place - plait_image_start());
    }
    return -1;
}

const void *plait_type_at(intptr_t offset, const char *name) {
    for (const int32_t *r = __start_swift5_type_metadata; r < __stop_swift5_type_metadata; r++) {
        const description *it = listed(r);
        if (!it || (intptr_t)((uintptr_t)it - plait_image_start()) != offset) continue;
        return strcmp(name_of(it), name) == 0 ? metadata_of(it) : NULL;
    }
    return NULL;
}
