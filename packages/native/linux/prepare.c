/* What runs before the event loop of the calling thread would block (uv_prepare). */
#include "loop-handle.h"

enum { LOOK, RUN };

static uv_prepare_t *prepare_of(pc_loop_handle *self) { return (uv_prepare_t *)self->handle; }

/* look(mayBlock, round): whether to run. A plain call: it may settle nothing that others wait for. */
static bool look(pc_loop_handle *self, uint32_t round) {
  napi_env env = self->env;
  napi_value callback, args[2], result;
  bool runs = false;
  bool blocks = uv_backend_timeout(self->loop) != 0;
  if (napi_get_reference_value(env, self->callbacks[LOOK], &callback) != napi_ok ||
      napi_get_boolean(env, blocks, &args[0]) != napi_ok ||
      napi_create_uint32(env, round, &args[1]) != napi_ok)
    return false;
  if (napi_call_function(env, callback, callback, 2, args, &result) != napi_ok) {
    pc_report_exception(env);
    return false;
  }
  return napi_get_value_bool(env, result, &runs) == napi_ok && runs;
}

/* run(): a callback of the loop like any other, with its ticks and microtasks behind it. */
static bool run(pc_loop_handle *self) {
  napi_env env = self->env;
  napi_value callback, result;
  if (napi_get_reference_value(env, self->callbacks[RUN], &callback) != napi_ok) return false;
  if (napi_make_callback(env, self->context, callback, callback, 0, NULL, &result) == napi_ok)
    return true;
  pc_report_exception(env);
  return false;
}

static void on_prepare(uv_prepare_t *handle) {
  pc_loop_handle *self = uv_handle_get_data((uv_handle_t *)handle);
  napi_env env = self->env;
  /* No bound of its own: whoever says that there is more must be looked at again before it blocks. */
  for (uint32_t round = 0; !self->closing; round++) {
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    bool again = look(self, round) && run(self);
    napi_close_handle_scope(env, scope);
    if (!again) return;
  }
}

/*
 * prepareOpen(look(mayBlock, round), run()): a handle object that is not started, or -errno. Once
 * started, before each time the loop polls: look, and as long as it returns true, run and look again.
 * It never keeps the loop alive.
 */
static napi_value prepare_open(napi_env env, napi_callback_info info) {
  pc_args args;
  if (!pc_get_args(env, info, 2, &args)) return NULL;
  for (size_t index = 0; index < 2; index++) {
    napi_valuetype type;
    if (napi_typeof(env, args.values[index], &type) == napi_ok && type == napi_function) continue;
    napi_throw_type_error(env, NULL, "Cannot prepare: wanted two functions");
    return NULL;
  }
  pc_loop_handle *self = pc_loop_handle_new(env, PC_PREPARE, PC_UV_PREPARE);
  if (self == NULL) return pc_result(env, -1);
  uv_prepare_init(self->loop, prepare_of(self)); /* Cannot fail. */
  uv_unref(self->handle);
  return pc_loop_handle_open(self, args.values, 2);
}

/* prepareStart(handle, on): 0, or -EBADF once its environment ends. */
static napi_value prepare_start(napi_env env, napi_callback_info info) {
  pc_args args;
  pc_loop_handle *self;
  int32_t on;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 1, &on) ||
      !pc_loop_handle_get(&args, PC_PREPARE, &self))
    return NULL;
  if (self->closing) return pc_number(env, -EBADF);
  if (on != 0)
    uv_prepare_start(prepare_of(self), on_prepare);
  else
    uv_prepare_stop(prepare_of(self));
  return pc_number(env, 0);
}

bool pc_define_prepare(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"prepareOpen", prepare_open},
      {"prepareStart", prepare_start},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
