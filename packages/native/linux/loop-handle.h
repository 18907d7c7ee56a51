#ifndef PORTCALL_LOOP_HANDLE_H
#define PORTCALL_LOOP_HANDLE_H

#include "pc.h"
#include "uv-abi.h"

/* The handles of one kind are not those of another. */
typedef enum { PC_WATCH = 0x77617463, PC_PREPARE = 0x70726570 } pc_kind;

enum { PC_CALLBACKS_MAX = 2 };

/*
 * A libuv handle of the calling thread's loop, and the functions that it calls. Owned by the
 * JavaScript handle object and by libuv: freed when libuv has closed `handle` AND the object is gone.
 * `handle` is NULL from the moment the close callback ran.
 */
typedef struct {
  pc_kind kind;
  napi_env env;
  uv_loop_t *loop;
  napi_ref callbacks[PC_CALLBACKS_MAX];
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_handle_t *handle;
  bool closing;
  bool object_gone;
} pc_loop_handle;

/* Memory for one, with `loop` set and `handle` to be initialised; NULL with errno. */
pc_loop_handle *pc_loop_handle_new(napi_env env, pc_kind kind, int uv_type);

/* Frees one whose `handle` could not be initialised. */
void pc_loop_handle_discard(pc_loop_handle *self);

/* The handle object of one whose `handle` is initialised, or -errno. */
napi_value pc_loop_handle_open(pc_loop_handle *self, const napi_value *callbacks, size_t count);

/* What the first argument stands for; false with a TypeError when it is none of this kind. */
bool pc_loop_handle_get(pc_args *args, pc_kind kind, pc_loop_handle **out);

/* No callback after this. Safe to call twice. */
void pc_loop_handle_close(pc_loop_handle *self);

/* Hands an exception that a callback threw to the process, as one that nobody caught. */
void pc_report_exception(napi_env env);

#endif
