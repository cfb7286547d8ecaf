// Processors, priority and names of threads. No policy. Calls that can fail return -errno.
#pragma once
#include <stddef.h>
#include <sys/types.h>

/// Lets `thread` run on `count` processors, numbered from 0.
int plait_set_affinity(pid_t thread, const int *_Nonnull processors, size_t count);
/// Fills `processors` with at most `capacity` numbers in ascending order, and returns how many
/// there are.
int plait_get_affinity(pid_t thread, int *_Nullable processors, size_t capacity);

/// Sets the scheduling policy of `thread`.
int plait_set_policy(pid_t thread, int policy);
int plait_get_policy(pid_t thread);
/// Sets the nice value of `thread`, -20 to 19.
int plait_set_niceness(pid_t thread, int value);
/// Reads the nice value into `value`.
int plait_get_niceness(pid_t thread, int *_Nonnull value);

/// The size of the calling thread's stack in bytes; 0 if unknown.
long plait_own_stack_size(void);
