/* A descriptor watched by the event loop of the calling thread (uv_poll). */
#include "pc.h"
#include "uv-abi.h"

/*
 * Owned by the JavaScript handle object and by libuv: freed when libuv has closed its handle AND the
 * object is gone. `poll` is NULL from the moment the close callback ran.
 */
typedef struct {
  pc_kind kind;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_poll_t *poll;
  bool closing;
  bool object_gone;
} watch;

static void free_if_done(watch *self) {
  if (self->poll == NULL && self->object_gone) free(self);
}

static void on_closed(uv_handle_t *handle) {
  watch *self = uv_handle_get_data(handle);
  free(handle);
  self->poll = NULL;
  napi_remove_async_cleanup_hook(self->hook);
  free_if_done(self);
}

static void begin_close(watch *self) {
  if (self->closing) return;
  self->closing = true;
  uv_poll_stop(self->poll);
  if (self->callback != NULL) napi_delete_reference(self->env, self->callback);
  if (self->context != NULL) napi_async_destroy(self->env, self->context);
  self->callback = NULL;
  self->context = NULL;
  uv_close((uv_handle_t *)self->poll, on_closed);
}

/* The environment (a worker, or the process) ends before the watch was closed. */
static void on_teardown(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  begin_close(data);
}

static void on_event(uv_poll_t *handle, int status, int events) {
  watch *self = uv_handle_get_data((uv_handle_t *)handle);
  napi_env env = self->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, args[2], result;
  if (napi_get_reference_value(env, self->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_create_int32(env, status, &args[0]) == napi_ok &&
      napi_create_int32(env, events, &args[1]) == napi_ok) {
    if (napi_make_callback(env, self->context, receiver, callback, 2, args, &result) ==
        napi_pending_exception) {
      napi_value error;
      if (napi_get_and_clear_last_exception(env, &error) == napi_ok)
        napi_fatal_exception(env, error);
    }
  }
  napi_close_handle_scope(env, scope);
}

static void on_object_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  watch *self = data;
  self->object_gone = true;
  if (self->poll != NULL) begin_close(self);
  free_if_done(self);
}

static int open_watch(watch *self, int fd, napi_value callback) {
  napi_value name;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(self->env, (struct uv_loop_s **)&loop) != napi_ok) return -EINVAL;
  self->poll = calloc(1, uv_handle_size(PC_UV_POLL));
  if (self->poll == NULL) return -ENOMEM;
  int error = uv_poll_init(loop, self->poll, fd);
  if (error < 0) {
    free(self->poll);
    self->poll = NULL;
    return error;
  }
  uv_handle_set_data((uv_handle_t *)self->poll, self);
  napi_create_string_utf8(self->env, "PORTCALL", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(self->env, callback, 1, &self->callback);
  napi_async_init(self->env, NULL, name, &self->context);
  napi_add_async_cleanup_hook(self->env, on_teardown, self, &self->hook);
  return 0;
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
  watch *self = calloc(1, sizeof *self);
  if (self == NULL) {
    errno = ENOMEM;
    return pc_result(env, -1);
  }
  self->kind = PC_WATCH;
  self->env = env;
  int error = open_watch(self, fd, args.values[1]);
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

static bool get_watch(pc_args *args, watch **out) {
  napi_valuetype type;
  if (napi_typeof(args->env, args->values[0], &type) == napi_ok && type == napi_external &&
      napi_get_value_external(args->env, args->values[0], (void **)out) == napi_ok &&
      (*out)->kind == PC_WATCH)
    return true;
  napi_throw_type_error(args->env, NULL, "Cannot use: wanted a handle made by watchOpen()");
  return false;
}

/* watchStart(handle, events): watches for these (1 readable, 2 writable, 4 disconnect); 0: none. */
static napi_value watch_start(napi_env env, napi_callback_info info) {
  pc_args args;
  watch *self;
  int32_t events;
  if (!pc_get_args(env, info, 2, &args) || !get_watch(&args, &self) ||
      !pc_get_int(&args, 1, &events))
    return NULL;
  if (self->closing) return pc_number(env, -EBADF);
  int error = events == 0 ? uv_poll_stop(self->poll) : uv_poll_start(self->poll, events, on_event);
  return pc_number(env, error);
}

/* watchRef(handle, on): whether the watch keeps the event loop alive. */
static napi_value watch_ref(napi_env env, napi_callback_info info) {
  pc_args args;
  watch *self;
  int32_t on;
  if (!pc_get_args(env, info, 2, &args) || !get_watch(&args, &self) || !pc_get_int(&args, 1, &on))
    return NULL;
  if (!self->closing) (on ? uv_ref : uv_unref)((uv_handle_t *)self->poll);
  return pc_number(env, 0);
}

/* watchClose(handle): no callback after this. The descriptor may be closed at once. */
static napi_value watch_close(napi_env env, napi_callback_info info) {
  pc_args args;
  watch *self;
  if (!pc_get_args(env, info, 1, &args) || !get_watch(&args, &self)) return NULL;
  begin_close(self);
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
