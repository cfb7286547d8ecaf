// Finds the names of addresses, from the dynamic linker, or else from the symbol table in the
// module's file, which also has symbols that are not exported.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plait_stack.h"

// From libswiftCore.
extern char *swift_demangle(const char *mangled, size_t length, char *output, size_t *size,
                            uint32_t flags) __attribute__((weak));

static char *readable_name(const char *name) {
    if (swift_demangle && (name[0] == '$' || name[0] == '_')) {
        char *demangled = swift_demangle(name, strlen(name), NULL, NULL, 0);
        if (demangled) return demangled;
    }
    return strdup(name);
}

// MARK: A module's file

typedef struct {
    const char *bytes;
    size_t size;
} mapping;

static const void *part(mapping file, uint64_t offset, uint64_t size) {
    return offset <= file.size && size <= file.size - offset ? file.bytes + offset : NULL;
}

// Whether the file is the one that was loaded, since it may have been replaced. Compares the
// program headers and the notes with those in memory; one note is the build's number.
static int is_loaded(mapping file, const struct link_map *module, uintptr_t base) {
    const ElfW(Ehdr) *header = part(file, 0, sizeof *header);
    const ElfW(Ehdr) *loaded = (const ElfW(Ehdr) *)base;
    if (!header || memcmp(header, loaded, sizeof *header) != 0) return 0;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return 0;
    const ElfW(Phdr) *parts =
        part(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)));
    if (!parts) return 0;
    for (int i = 0; i < header->e_phnum; i++) {
        if (parts[i].p_type != PT_NOTE) continue;
        const void *note = part(file, parts[i].p_offset, parts[i].p_filesz);
        if (!note || memcmp(note, (void *)(module->l_addr + parts[i].p_vaddr), parts[i].p_filesz)) {
            return 0;
        }
    }
    return 1;
}

static mapping map_module(const struct link_map *module, uintptr_t base) {
    mapping file = {NULL, 0};
    // The program itself has no name there. This path finds it even if it was deleted.
    const char *path = module->l_name[0] ? module->l_name : "/proc/self/exe";
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return file;
    struct stat status;
    if (fstat(descriptor, &status) == 0 && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes != MAP_FAILED) file = (mapping){bytes, (size_t)status.st_size};
    }
    close(descriptor);
    if (file.bytes && !is_loaded(file, module, base)) {
        munmap((void *)file.bytes, file.size);
        file.bytes = NULL;
    }
    return file;
}

// MARK: Looking up

typedef struct {
    // NULL if there is nothing to look up in the file.
    const struct link_map *module;
    uintptr_t base;
} place;

static void name_from_table(mapping file, const ElfW(Shdr) *sections, const ElfW(Shdr) *table,
                            const place *places, size_t count, const struct link_map *module,
                            plait_symbol *out) {
    const ElfW(Shdr) *strings = &sections[table->sh_link];
    const char *names = part(file, strings->sh_offset, strings->sh_size);
    const ElfW(Sym) *symbols = part(file, table->sh_offset, table->sh_size);
    if (!names || !symbols || strings->sh_size == 0 || names[strings->sh_size - 1]) return;
    for (size_t n = 0; n < table->sh_size / sizeof *symbols; n++) {
        const ElfW(Sym) *symbol = &symbols[n];
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF) continue;
        if (symbol->st_name == 0 || symbol->st_name >= strings->sh_size) continue;
        for (size_t i = 0; i < count; i++) {
            if (places[i].module != module || out[i].name) continue;
            uintptr_t offset = out[i].module_offset - symbol->st_value;
            if (out[i].module_offset < symbol->st_value || offset >= symbol->st_size) continue;
            out[i].name = readable_name(names + symbol->st_name);
            out[i].offset = offset;
        }
    }
}

// Names all places of one module together, so that each table is read once.
static void name_from_file(const place *places, size_t count, size_t first, plait_symbol *out) {
    mapping file = map_module(places[first].module, places[first].base);
    if (!file.bytes) return;
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file.bytes;
    const ElfW(Shdr) *sections =
        part(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    for (int i = 0; sections && i < header->e_shnum; i++) {
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header->e_shnum) {
            name_from_table(file, sections, &sections[i], places, count, places[first].module, out);
        }
    }
    munmap((void *)file.bytes, file.size);
}

static char *module_name(const struct link_map *module) {
    char path[4096];
    const char *text = module->l_name;
    if (!text[0]) {
        ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        // The kernel's mark for a deleted file.
        char *deleted = strstr(path, " (deleted)");
        if (deleted && deleted[10] == 0) *deleted = 0;
        text = path;
    }
    const char *slash = strrchr(text, '/');
    return strdup(slash ? slash + 1 : text);
}

void plait_symbolise(const uintptr_t *addresses, size_t count, plait_symbol *out) {
    memset(out, 0, count * sizeof *out);
    place *places = calloc(count ? count : 1, sizeof *places);
    if (!places) return;
    for (size_t i = 0; i < count; i++) {
        Dl_info info;
        struct link_map *module = NULL;
        if (!dladdr1((void *)addresses[i], &info, (void **)&module, RTLD_DL_LINKMAP)) continue;
        out[i].module = module_name(module);
        out[i].module_offset = addresses[i] - module->l_addr;
        if (info.dli_sname) {
            out[i].name = readable_name(info.dli_sname);
            out[i].offset = addresses[i] - (uintptr_t)info.dli_saddr;
        } else {
            places[i].module = module;
            places[i].base = (uintptr_t)info.dli_fbase;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!places[i].module) continue;
        const struct link_map *module = places[i].module;
        if (!out[i].name) name_from_file(places, count, i, out);
        // Done, whether or not it was found.
        for (size_t j = i; j < count; j++) {
            if (places[j].module == module) places[j].module = NULL;
        }
    }
    free(places);
}

void plait_symbol_free(plait_symbol *symbol) {
    free(symbol->module);
    free(symbol->name);
    symbol->module = symbol->name = NULL;
}
