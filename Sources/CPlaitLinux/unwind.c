// Reads call frame information (.eh_frame, DWARF 5 section 6.4), as far as compilers use it for
// code. If there is none, or if it needs an expression, the frame pointer is used instead.
#define _GNU_SOURCE
#include "unwind.h"

#include <elf.h>
#include <link.h>
#include <string.h>

enum rule_kind { rule_same, rule_undefined, rule_offset, rule_value, rule_register, rule_unknown };

typedef struct {
    uint8_t kind;
    int64_t operand;
} rule;

typedef struct {
    rule rules[reg_count];
    uint64_t cfa_register;
    int64_t cfa_offset;
    int cfa_unknown;
} row;

typedef struct {
    const uint8_t *at, *end;
    int failed;
} reader;

typedef struct {
    uint64_t code_align;
    int64_t data_align;
    uint64_t return_register;
    uint8_t encoding;
    int has_augmentation;
    reader program;
} common_entry;

// MARK: Reading

static uint64_t fixed(reader *r, size_t size) {
    uint64_t value = 0;
    if ((size_t)(r->end - r->at) < size) {
        r->failed = 1;
        r->at = r->end;
        return 0;
    }
    memcpy(&value, r->at, size);
    r->at += size;
    return value;
}

static uint64_t uleb(reader *r) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint64_t byte = fixed(r, 1);
        if (shift < 64) value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
}

static int64_t sleb(reader *r) {
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = fixed(r, 1);
        if (shift < 64) value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40)) value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

// Reads a pointer in a DW_EH_PE encoding; `absolute` ignores the base to which it is relative.
static uintptr_t pointer(reader *r, uint8_t encoding, int absolute) {
    uintptr_t place = (uintptr_t)r->at;
    uintptr_t value = 0;
    switch (encoding & 0x0f) {
        case 0x00: case 0x04: case 0x0c: value = fixed(r, 8); break;
        case 0x01: value = uleb(r); break;
        case 0x02: value = fixed(r, 2); break;
        case 0x03: value = fixed(r, 4); break;
        case 0x09: value = (uintptr_t)sleb(r); break;
        case 0x0a: value = (uintptr_t)(int64_t)(int16_t)fixed(r, 2); break;
        case 0x0b: value = (uintptr_t)(int64_t)(int32_t)fixed(r, 4); break;
        default: r->failed = 1;
    }
    switch (encoding & 0x70) {
        case 0x00: break;
        case 0x10: if (!absolute) value += place; break;
        default: r->failed = 1;
    }
    return value;
}

static int read_common(const uint8_t *at, common_entry *out) {
    reader r = {at, at + 4, 0};
    uint32_t length = (uint32_t)fixed(&r, 4);
    if (length == 0 || length == UINT32_MAX) return 0;
    r.end = r.at + length;
    if (fixed(&r, 4) != 0) return 0;
    uint8_t version = (uint8_t)fixed(&r, 1);
    const char *augmentation = (const char *)r.at;
    while (fixed(&r, 1) != 0) {}
    out->code_align = uleb(&r);
    out->data_align = sleb(&r);
    out->return_register = version == 1 ? fixed(&r, 1) : uleb(&r);
    out->encoding = 0;
    out->has_augmentation = augmentation[0] == 'z';
    if (augmentation[0] != 0 && augmentation[0] != 'z') return 0;
    const uint8_t *after = r.at;
    if (out->has_augmentation) {
        uint64_t size = uleb(&r);
        after = r.at + size;
        for (const char *c = augmentation + 1; *c; c++) {
            if (*c == 'R') out->encoding = (uint8_t)fixed(&r, 1);
            else if (*c == 'L') fixed(&r, 1);
            else if (*c == 'P') pointer(&r, (uint8_t)fixed(&r, 1) & 0x7f, 1);
            // A frame made by a signal, which its caller did not call.
            else if (*c == 'S') return 0;
        }
    }
    out->program = (reader){after, r.end, 0};
    return !r.failed && after <= r.end;
}

// MARK: A function's program

// Runs instructions until the address `limit` is passed. Returns false at an instruction that it
// does not support.
static int run(reader r, const common_entry *common, uintptr_t start, uintptr_t limit, row *now,
               const row *initial) {
    row saved[4];
    int depth = 0;
    uintptr_t location = start;
    while (r.at < r.end && !r.failed && location <= limit) {
        uint8_t byte = (uint8_t)fixed(&r, 1), low = byte & 0x3f;
        uint64_t reg = low;
        switch (byte & 0xc0 ? byte & 0xc0 : byte) {
            case 0x40: location += low * common->code_align; break;
            case 0x80:
                if (reg < reg_count) {
                    now->rules[reg] = (rule){rule_offset, (int64_t)uleb(&r) * common->data_align};
                } else {
                    uleb(&r);
                }
                break;
            case 0xc0: if (reg < reg_count && initial) now->rules[reg] = initial->rules[reg]; break;
            case 0x00: break;
            case 0x01: location = pointer(&r, common->encoding, 0); break;
            case 0x02: location += fixed(&r, 1) * common->code_align; break;
            case 0x03: location += fixed(&r, 2) * common->code_align; break;
            case 0x04: location += fixed(&r, 4) * common->code_align; break;
            case 0x05: case 0x11: case 0x14: case 0x15: {
                reg = uleb(&r);
                int64_t operand = byte == 0x11 || byte == 0x15 ? sleb(&r) : (int64_t)uleb(&r);
                uint8_t kind = byte == 0x14 || byte == 0x15 ? rule_value : rule_offset;
                if (reg < reg_count) now->rules[reg] = (rule){kind, operand * common->data_align};
                break;
            }
            case 0x06:
                reg = uleb(&r);
                if (reg < reg_count && initial) now->rules[reg] = initial->rules[reg];
                break;
            case 0x07: case 0x08:
                reg = uleb(&r);
                if (reg < reg_count) {
                    now->rules[reg] = (rule){byte == 7 ? rule_undefined : rule_same, 0};
                }
                break;
            case 0x09: {
                reg = uleb(&r);
                int64_t other = (int64_t)uleb(&r);
                if (reg < reg_count) now->rules[reg] = (rule){rule_register, other};
                break;
            }
            case 0x0a: if (depth == 4) return 0; saved[depth++] = *now; break;
            case 0x0b: if (depth == 0) return 0; *now = saved[--depth]; break;
            case 0x0c: case 0x12:
                now->cfa_register = uleb(&r);
                now->cfa_offset = byte == 0x0c ? (int64_t)uleb(&r) : sleb(&r) * common->data_align;
                now->cfa_unknown = 0;
                break;
            case 0x0d: now->cfa_register = uleb(&r); break;
            case 0x0e: now->cfa_offset = (int64_t)uleb(&r); break;
            case 0x13: now->cfa_offset = sleb(&r) * common->data_align; break;
            case 0x0f: r.at += uleb(&r); now->cfa_unknown = 1; break;
            case 0x10: case 0x16: {
                reg = uleb(&r);
                uint64_t size = uleb(&r);
                r.at += size;
                if (reg < reg_count) now->rules[reg] = (rule){rule_unknown, 0};
                break;
            }
            case 0x2d: break;  // arm64: return addresses are signed from here on; they are stripped
            case 0x2e: uleb(&r); break;
            default: return 0;
        }
    }
    return !r.failed;
}

// MARK: Finding the function

typedef struct {
    uintptr_t pc;
    row *out;
    int found;
} search;

static const uint8_t *find_entry(const uint8_t *header, uintptr_t pc) {
    // Version 1, with a sorted table of pairs of 32-bit offsets from the header, as linkers make
    // it.
    if (header[0] != 1 || header[3] != 0x3b) return NULL;
    reader r = {header + 4, header + 20, 0};
    pointer(&r, header[1], 0);
    uint64_t count = pointer(&r, header[2], 0);
    if (r.failed || count == 0) return NULL;
    const int32_t *table = (const int32_t *)r.at;
    int64_t wanted = (int64_t)(pc - (uintptr_t)header);
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table[2 * middle] <= wanted) low = middle; else high = middle;
    }
    return table[2 * low] <= wanted ? header + table[2 * low + 1] : NULL;
}

static int read_row(const uint8_t *entry, uintptr_t pc, row *out) {
    reader r = {entry, entry + 4, 0};
    uint32_t length = (uint32_t)fixed(&r, 4);
    if (length == 0 || length == UINT32_MAX) return 0;
    r.end = r.at + length;
    const uint8_t *place = r.at;
    uint32_t back = (uint32_t)fixed(&r, 4);
    common_entry common;
    if (back == 0 || !read_common(place - back, &common)) return 0;
    uintptr_t start = pointer(&r, common.encoding, 0);
    uintptr_t size = pointer(&r, common.encoding, 1);
    if (r.failed || pc < start || pc - start >= size) return 0;
    if (common.has_augmentation) {
        uint64_t skipped = uleb(&r);
        r.at += skipped;
    }
    memset(out, 0, sizeof *out);
    if (common.return_register != reg_return) return 0;
    if (!run(common.program, &common, 0, UINTPTR_MAX, out, NULL)) return 0;
    row initial = *out;
    return r.at <= r.end && run(r, &common, start, pc, out, &initial);
}

static int look_in(struct dl_phdr_info *module, size_t size, void *argument) {
    (void)size;
    search *wanted = argument;
    const ElfW(Phdr) *table = NULL;
    int is_here = 0;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &module->dlpi_phdr[i];
        uintptr_t start = module->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && wanted->pc >= start && wanted->pc - start < part->p_memsz) {
            is_here = 1;
        }
        if (part->p_type == PT_GNU_EH_FRAME) table = part;
    }
    if (!is_here) return 0;
    if (table) {
        const uint8_t *header = (const uint8_t *)(module->dlpi_addr + table->p_vaddr);
        const uint8_t *entry = find_entry(header, wanted->pc);
        wanted->found = entry && read_row(entry, wanted->pc, wanted->out);
    }
    return 1;
}

// MARK: Unwinding

enum step { step_done, step_end, step_unknown };

static int load(const plait_stopped *stopped, uintptr_t low, uintptr_t address, uintptr_t *out) {
    uintptr_t offset = address - low;
    if (address < low || address % 8 || offset + 8 > stopped->bytes) return 0;
    *out = stopped->stack[offset / 8];
    return 1;
}

static uintptr_t plain(uintptr_t address) {
#if defined(__aarch64__)
    register uintptr_t x30 __asm__("x30") = address;
    __asm__("hint #7" : "+r"(x30));
    return x30;
#else
    return address;
#endif
}

static enum step step_by_table(plait_stopped *stopped, uintptr_t low, uintptr_t pc) {
    row row;
    search wanted = {pc, &row, 0};
    dl_iterate_phdr(look_in, &wanted);
    if (!wanted.found || row.cfa_unknown || row.cfa_register >= reg_count) return step_unknown;
    if (row.rules[reg_return].kind == rule_undefined) return step_end;
    uintptr_t before[reg_count];
    memcpy(before, stopped->registers, sizeof before);
    uintptr_t cfa = before[row.cfa_register] + (uintptr_t)row.cfa_offset;
    if (cfa < before[reg_stack]) return step_unknown;
    uintptr_t address = 0;
    for (int reg = 0; reg < reg_count; reg++) {
        rule rule = row.rules[reg];
        uintptr_t value = before[reg];
        switch (rule.kind) {
            case rule_offset:
                if (!load(stopped, low, cfa + (uintptr_t)rule.operand, &value)) {
                    // This lies beyond the copied part, which matters only for the callers.
                    if (reg == reg_return) return step_unknown;
                    value = 0;
                }
                break;
            case rule_value: value = cfa + (uintptr_t)rule.operand; break;
            case rule_register:
                if ((uint64_t)rule.operand < reg_count) value = before[rule.operand];
                break;
            case rule_unknown: if (reg == reg_return) return step_unknown; break;
            default: break;
        }
        if (reg == reg_return) address = plain(value);
        stopped->registers[reg] = value;
    }
    stopped->registers[reg_stack] = cfa;
    // The same frame again would be an endless loop.
    if (cfa == before[reg_stack] && address == stopped->pc) return step_end;
    stopped->pc = address;
    return address < 4096 ? step_end : step_done;
}

static enum step step_by_frame(plait_stopped *stopped, uintptr_t low) {
    uintptr_t frame = stopped->registers[reg_frame] & ~((uintptr_t)1 << 60), next, address;
    if (frame < stopped->registers[reg_stack] || !load(stopped, low, frame, &next) ||
        !load(stopped, low, frame + 8, &address)) {
        return step_unknown;
    }
    stopped->registers[reg_frame] = next;
    stopped->registers[reg_stack] = frame + 16;
    stopped->pc = plain(address);
    return next == 0 || stopped->pc < 4096 ? step_end : step_done;
}

size_t plait_unwind(plait_stopped *stopped, uintptr_t *out, size_t limit) {
    uintptr_t low = stopped->registers[reg_stack];
    size_t count = 0;
    while (count < limit) {
        uintptr_t here = stopped->pc;
        // A return address may be the first address of the next function.
        enum step step = step_by_table(stopped, low, count == 0 ? here : here - 1);
        // Nobody called this function: it is the entry of a thread or fiber, which is of no
        // interest to readers.
        if (step == step_end && count > 0) break;
        out[count++] = here;
        if (step == step_unknown) step = step_by_frame(stopped, low);
        if (step != step_done) break;
    }
    return count;
}
