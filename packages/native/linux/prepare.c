/* What runs before the event loop of the calling thread would block (uv_prepare). */
#include "pc.h"
#include "uv-abi.h"

/*
 * Owned by the JavaScript handle object and by libuv, as a watch is: freed when libuv has closed its
 * handle AND the object is gone. `handle` is NULL from the moment the close callback ran.
 */
typedef struct {
  pc_kind kind;
  napi_env env;
  uv_loop_t *loop;
  napi_ref look, run;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_prepare_t *handle;
  bool closing;
  bool object_gone;
} prepare;

static void free_if_done(prepare *self) {
  if (self->handle == NULL && self->object_gone) free(self);
}

static void on_closed(uv_handle_t *handle) {
  prepare *self = uv_handle_get_data(handle);
  free(handle);
  self->handle = NULL;
  napi_remove_async_cleanup_hook(self->hook);
  free_if_done(self);
}

static void begin_close(prepare *self) {
  if (self->closing) return;
  self->closing = true;
  uv_prepare_stop(self->handle);
  if (self->look != NULL) napi_delete_reference(self->env, self->look);
  if (self->run != NULL) napi_delete_reference(self->env, self->run);
  if (self->context != NULL) napi_async_destroy(self->env, self->context);
  self->look = NULL;
  self->run = NULL;
  self->context = NULL;
  uv_close((uv_handle_t *)self->handle, on_closed);
}

/* The environment (a worker, or the process) ends. */
static void on_teardown(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  begin_close(data);
}

static void report(napi_env env) {
  napi_value error;
  bool is_pending = false;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}

/* look(mayBlock, round): whether to run. A plain call: it may settle nothing that others wait for. */
static bool look(prepare *self, uint32_t round) {
  napi_env env = self->env;
  napi_value callback, args[2], result;
  bool runs = false;
  bool blocks = uv_backend_timeout(self->loop) != 0;
  if (napi_get_reference_value(env, self->look, &callback) != napi_ok ||
      napi_get_boolean(env, blocks, &args[0]) != napi_ok ||
      napi_create_uint32(env, round, &args[1]) != napi_ok)
    return false;
  if (napi_call_function(env, callback, callback, 2, args, &result) != napi_ok) {
    report(env);
    return false;
  }
  return napi_get_value_bool(env, result, &runs) == napi_ok && runs;
}

/* run(): a callback of the loop like any other, with its ticks and microtasks behind it. */
static bool run(prepare *self) {
  napi_env env = self->env;
  napi_value callback, result;
  if (napi_get_reference_value(env, self->run, &callback) != napi_ok) return false;
  if (napi_make_callback(env, self->context, callback, callback, 0, NULL, &result) == napi_ok)
    return true;
  report(env);
  return false;
}

static void on_prepare(uv_prepare_t *handle) {
  prepare *self = uv_handle_get_data((uv_handle_t *)handle);
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

static void on_object_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  prepare *self = data;
  self->object_gone = true;
  if (self->handle != NULL) begin_close(self);
  free_if_done(self);
}

static int open_prepare(prepare *self, napi_value look_callback, napi_value run_callback) {
  napi_value name;
  if (napi_get_uv_event_loop(self->env, (struct uv_loop_s **)&self->loop) != napi_ok)
    return -EINVAL;
  self->handle = calloc(1, uv_handle_size(PC_UV_PREPARE));
  if (self->handle == NULL) return -ENOMEM;
  uv_prepare_init(self->loop, self->handle); /* Cannot fail. */
  uv_unref((uv_handle_t *)self->handle);
  uv_handle_set_data((uv_handle_t *)self->handle, self);
  napi_create_string_utf8(self->env, "PORTCALL", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(self->env, look_callback, 1, &self->look);
  napi_create_reference(self->env, run_callback, 1, &self->run);
  napi_async_init(self->env, NULL, name, &self->context);
  napi_add_async_cleanup_hook(self->env, on_teardown, self, &self->hook);
  return 0;
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
  prepare *self = calloc(1, sizeof *self);
  if (self == NULL) {
    errno = ENOMEM;
    return pc_result(env, -1);
  }
  self->kind = PC_PREPARE;
  self->env = env;
  int error = open_prepare(self, args.values[0], args.values[1]);
  if (error < 0) {
    free(self);
    return pc_number(env, error);
  }
  napi_value object;
  if (napi_create_external(env, self, on_object_gone, NULL, &object) != napi_ok) {
    self->object_gone = true;
    begin_close(self);
    errno = ENOMEM;
    return pc_result(env, -1);
  }
  return object;
}

/* prepareStart(handle, on): 0, or -EBADF once its environment ends. */
static napi_value prepare_start(napi_env env, napi_callback_info info) {
  pc_args args;
  prepare *self;
  int32_t on;
  napi_valuetype type;
  if (!pc_get_args(env, info, 2, &args) || !pc_get_int(&args, 1, &on)) return NULL;
  if (napi_typeof(env, args.values[0], &type) != napi_ok || type != napi_external ||
      napi_get_value_external(env, args.values[0], (void **)&self) != napi_ok ||
      self->kind != PC_PREPARE) {
    napi_throw_type_error(env, NULL, "Cannot use: wanted a handle made by prepareOpen()");
    return NULL;
  }
  if (self->closing) return pc_number(env, -EBADF);
  if (on != 0)
    uv_prepare_start(self->handle, on_prepare);
  else
    uv_prepare_stop(self->handle);
  return pc_number(env, 0);
}

bool pc_define_prepare(napi_env env, napi_value exports) {
  static const pc_function functions[] = {
      {"prepareOpen", prepare_open},
      {"prepareStart", prepare_start},
  };
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
