/*
 * What the addon's files share. The addon makes system calls and nothing else: every function
 * returns a count, a descriptor or a negative errno, and all policy is in TypeScript.
 */
#ifndef PORTCALL_PC_H
#define PORTCALL_PC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#define NAPI_VERSION 8

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <node_api.h>

/* Longest path a function takes: sun_path and more. */
#define PC_PATH_BYTES 4096

/* Most arguments any exported function takes. */
#define PC_ARGS_MAX 6

/* Arguments of one call, checked and converted. */
typedef struct {
  napi_env env;
  size_t count;
  napi_value values[PC_ARGS_MAX];
} pc_args;

/* Bytes of a typed array; valid until the function returns. */
typedef struct {
  uint8_t *data;
  size_t length;
} pc_bytes;

/* Each getter throws a TypeError and returns false when the argument has the wrong type. */
bool pc_get_args(napi_env env, napi_callback_info info, size_t count, pc_args *args);
bool pc_get_int(pc_args *args, size_t index, int32_t *out);
bool pc_get_size(pc_args *args, size_t index, size_t *out);
bool pc_get_bytes(pc_args *args, size_t index, pc_bytes *out);
bool pc_get_text(pc_args *args, size_t index, char *out, size_t capacity);

/* Result makers: a count or descriptor; or -errno when the call before it failed. */
napi_value pc_number(napi_env env, double value);
napi_value pc_result(napi_env env, int64_t result);

typedef struct {
  const char *name;
  napi_callback callback;
} pc_function;

/* Adds the functions to exports; returns false after throwing. */
bool pc_define(napi_env env, napi_value exports, const pc_function *functions, size_t count);

/* A new descriptor: returned, and closed with its environment unless closed or disowned before. */
napi_value pc_new_descriptor(napi_env env, int fd);
void pc_own(napi_env env, int fd);
void pc_disown(napi_env env, int fd);

bool pc_define_descriptors(napi_env env, napi_value exports);
bool pc_define_memfd(napi_env env, napi_value exports);
bool pc_define_map(napi_env env, napi_value exports);
bool pc_define_ancillary(napi_env env, napi_value exports);
bool pc_define_socket(napi_env env, napi_value exports);
bool pc_define_peer(napi_env env, napi_value exports);
bool pc_define_poll(napi_env env, napi_value exports);
bool pc_define_prepare(napi_env env, napi_value exports);
bool pc_define_lock(napi_env env, napi_value exports);
bool pc_define_layout(napi_env env, napi_value exports);

#endif
