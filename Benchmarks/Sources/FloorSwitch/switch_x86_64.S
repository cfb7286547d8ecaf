// Leaves with an indirect jump: a `ret` to another stack defeats the return predictor.
#if defined(__x86_64__)
    .text
    .globl floor_switch
    .type floor_switch, @function
    .balign 16
floor_switch:
    .cfi_startproc
    leaq    -56(%rsp), %rsp
    .cfi_adjust_cfa_offset 56
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movq    %r12, 8(%rsp)
    movq    %r13, 16(%rsp)
    movq    %r14, 24(%rsp)
    movq    %r15, 32(%rsp)
    movq    %rbx, 40(%rsp)
    movq    %rbp, 48(%rsp)
    movq    %rsp, (%rdi)

    movq    %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    movq    8(%rsp), %r12
    movq    16(%rsp), %r13
    movq    24(%rsp), %r14
    movq    32(%rsp), %r15
    movq    40(%rsp), %rbx
    movq    48(%rsp), %rbp
    movq    56(%rsp), %rcx
    leaq    64(%rsp), %rsp
    .cfi_adjust_cfa_offset -64
    jmp     *%rcx
    .cfi_endproc
    .size floor_switch, . - floor_switch
#endif
    .section .note.GNU-stack, "", %progbits
