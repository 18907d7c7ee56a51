/* A descriptor watched by the event loop of the calling thread (uv_poll). */
#include "loop-handle.h"

static uv_poll_t *poll_of(pc_loop_handle *self) { return (uv_poll_t *)self->handle; }

static void on_event(uv_poll_t *handle, int status, int events) {
  pc_loop_handle *self = uv_handle_get_data((uv_handle_t *)handle);
  napi_env env = self->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, args[2], result;
  if (napi_get_reference_value(env, self->callbacks[0], &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_create_int32(env, status, &args[0]) == napi_ok &&
      napi_create_int32(env, events, &args[1]) == napi_ok &&
      napi_make_callback(env, self->context, receiver, callback, 2, args, &result) != napi_ok)
    pc_report_exception(env);
  napi_close_handle_scope(env, scope);
}

/* watchOpen(fd, callback(status, events)): a handle object that watches nothing yet, or -errno. */
static napi_value watch_open(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  napi_valuetype type;
  if (napi_typeof(env, args.values[1], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, NULL, "Cannot watch: wanted a function");
    return NULL;
  }
  pc_loop_handle *self = pc_loop_handle_new(env, PC_WATCH, PC_UV_POLL);
  if (self == NULL) return pc_result(env, -1);
  int error = uv_poll_init(self->loop, poll_of(self), fd);
  if (error == 0) return pc_loop_handle_open(self, &args.values[1], 1);
  pc_loop_handle_discard(self);
  return pc_number(env, error);
}

/* watchStart(handle, events): watches for these (1 readable, 2 writable, 4 disconnect); 0: none. */
static napi_value watch_start(napi_env env, napi_callback_info info) {
  pc_args args;
  pc_loop_handle *self;
  int32_t events;
  if (!pc_get_args(env, info, 2, &args) || !pc_loop_handle_get(&args, PC_WATCH, &self) ||
      !pc_get_int(&args, 1, &events))
    return NULL;
  if (self->closing) return pc_number(env, -EBADF);
  uv_poll_t *poll = poll_of(self);
  return pc_number(env, events == 0 ? uv_poll_stop(poll) : uv_poll_start(poll, events, on_event));
}

/* watchRef(handle, on): whether the watch keeps the event loop alive. */
static napi_value watch_ref(napi_env env, napi_callback_info info) {
  pc_args args;
  pc_loop_handle *self;
  int32_t on;
  if (!pc_get_args(env, info, 2, &args) || !pc_loop_handle_get(&args, PC_WATCH, &self) ||
      !pc_get_int(&args, 1, &on))
    return NULL;
  if (!self->closing) (on ? uv_ref : uv_unref)(self->handle);
  return pc_number(env, 0);
}

/* watchClose(handle): no callback after this. The descriptor may be closed at once. */
static napi_value watch_close(napi_env env, napi_callback_info info) {
  pc_args args;
  pc_loop_handle *self;
  if (!pc_get_args(env, info, 1, &args) || !pc_loop_handle_get(&args, PC_WATCH, &self)) return NULL;
  pc_loop_handle_close(self);
  return pc_number(env, 0);
}

bool pc_define_poll(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"watchOpen", watch_open},
      {"watchStart", watch_start},
      {"watchRef", watch_ref},
      {"watchClose", watch_close},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
