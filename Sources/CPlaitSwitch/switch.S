// plait_raw_switch(void **from, void *to): saves what the ABI says a call preserves, and nothing
// else. Leaves by an indirect jump: `ret` would be mispredicted, since the return stack of the
// processor knows only the other fiber's calls (11 to 13 ns instead of 5).
//
// plait_raw_entry: the first code of a new stack. Its caller is marked undefined, so that debuggers
// and Swift's backtrace end there.

#if defined(__x86_64__)
    .text
    .globl plait_raw_switch
    .hidden plait_raw_switch
    .type plait_raw_switch, @function
    .p2align 4
plait_raw_switch:
    .cfi_startproc
    leaq -0x38(%rsp), %rsp
    .cfi_adjust_cfa_offset 0x38
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %r12, 0x08(%rsp)
    movq %r13, 0x10(%rsp)
    movq %r14, 0x18(%rsp)
    movq %r15, 0x20(%rsp)
    movq %rbx, 0x28(%rsp)
    movq %rbp, 0x30(%rsp)
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    movq 0x38(%rsp), %rcx
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    movq 0x08(%rsp), %r12
    movq 0x10(%rsp), %r13
    movq 0x18(%rsp), %r14
    movq 0x20(%rsp), %r15
    movq 0x28(%rsp), %rbx
    movq 0x30(%rsp), %rbp
    leaq 0x40(%rsp), %rsp
    .cfi_adjust_cfa_offset -0x40
    jmp *%rcx
    .cfi_endproc
    .size plait_raw_switch, .-plait_raw_switch

    .globl plait_raw_entry
    .hidden plait_raw_entry
    .type plait_raw_entry, @function
    .p2align 4
plait_raw_entry:
    .cfi_startproc
    .cfi_undefined %rip
    movq %r13, %rdi
    xorl %ebp, %ebp
    callq *%r12
    ud2
    .cfi_endproc
    .size plait_raw_entry, .-plait_raw_entry

#elif defined(__aarch64__)
    .text
    .globl plait_raw_switch
    .hidden plait_raw_switch
    .type plait_raw_switch, %function
    .p2align 4
plait_raw_switch:
    .cfi_startproc
    sub sp, sp, #0xb0
    .cfi_adjust_cfa_offset 0xb0
    stp d8, d9, [sp, #0x00]
    stp d10, d11, [sp, #0x10]
    stp d12, d13, [sp, #0x20]
    stp d14, d15, [sp, #0x30]
    stp x19, x20, [sp, #0x40]
    stp x21, x22, [sp, #0x50]
    stp x23, x24, [sp, #0x60]
    stp x25, x26, [sp, #0x70]
    stp x27, x28, [sp, #0x80]
    stp x29, x30, [sp, #0x90]
    mrs x9, fpcr
    str x9, [sp, #0xa0]
    mov x10, sp
    str x10, [x0]
    mov sp, x1
    ldr x9, [sp, #0xa0]
    msr fpcr, x9
    ldp d8, d9, [sp, #0x00]
    ldp d10, d11, [sp, #0x10]
    ldp d12, d13, [sp, #0x20]
    ldp d14, d15, [sp, #0x30]
    ldp x19, x20, [sp, #0x40]
    ldp x21, x22, [sp, #0x50]
    ldp x23, x24, [sp, #0x60]
    ldp x25, x26, [sp, #0x70]
    ldp x27, x28, [sp, #0x80]
    ldp x29, x11, [sp, #0x90]
    mov x30, x11
    add sp, sp, #0xb0
    .cfi_adjust_cfa_offset -0xb0
    br x11
    .cfi_endproc
    .size plait_raw_switch, .-plait_raw_switch

    .globl plait_raw_entry
    .hidden plait_raw_entry
    .type plait_raw_entry, %function
    .p2align 4
plait_raw_entry:
    .cfi_startproc
    .cfi_undefined x30
    mov x29, xzr
    mov x30, xzr
    mov x0, x20
    blr x19
    brk #1
    .cfi_endproc
    .size plait_raw_entry, .-plait_raw_entry
#else
#error "Plait switches stacks on x86-64 and arm64 only"
#endif

    .section .note.GNU-stack, "", %progbits
