/* What all handles of the event loop have in common: who owns them, and how they end. */
#include "loop-handle.h"

static void free_if_done(pc_loop_handle *self) {
  if (self->handle == NULL && self->object_gone) free(self);
}

static void on_closed(uv_handle_t *handle) {
  pc_loop_handle *self = uv_handle_get_data(handle);
  free(handle);
  self->handle = NULL;
  napi_remove_async_cleanup_hook(self->hook);
  free_if_done(self);
}

void pc_loop_handle_close(pc_loop_handle *self) {
  if (self->closing) return;
  self->closing = true;
  for (size_t index = 0; index < PC_CALLBACKS_MAX; index++) {
    if (self->callbacks[index] != NULL) napi_delete_reference(self->env, self->callbacks[index]);
    self->callbacks[index] = NULL;
  }
  if (self->context != NULL) napi_async_destroy(self->env, self->context);
  self->context = NULL;
  uv_close(self->handle, on_closed); /* Stops it at once. */
}

/* The environment (a worker, or the process) ends before the handle was closed. */
static void on_teardown(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  pc_loop_handle_close(data);
}

static void on_object_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  pc_loop_handle *self = data;
  self->object_gone = true;
  if (self->handle != NULL) pc_loop_handle_close(self);
  free_if_done(self);
}

pc_loop_handle *pc_loop_handle_new(napi_env env, pc_kind kind, int uv_type) {
  struct uv_loop_s *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    errno = EINVAL;
    return NULL;
  }
  pc_loop_handle *self = calloc(1, sizeof *self);
  uv_handle_t *handle = calloc(1, uv_handle_size(uv_type));
  if (self == NULL || handle == NULL) {
    free(self);
    free(handle);
    errno = ENOMEM;
    return NULL;
  }
  self->kind = kind;
  self->env = env;
  self->loop = loop;
  self->handle = handle;
  return self;
}

void pc_loop_handle_discard(pc_loop_handle *self) {
  free(self->handle);
  free(self);
}

napi_value pc_loop_handle_open(pc_loop_handle *self, const napi_value *callbacks, size_t count) {
  napi_env env = self->env;
  napi_value name, object;
  uv_handle_set_data(self->handle, self);
  napi_create_string_utf8(env, "PORTCALL", NAPI_AUTO_LENGTH, &name);
  for (size_t index = 0; index < count; index++)
    napi_create_reference(env, callbacks[index], 1, &self->callbacks[index]);
  napi_async_init(env, NULL, name, &self->context);
  napi_add_async_cleanup_hook(env, on_teardown, self, &self->hook);
  if (napi_create_external(env, self, on_object_gone, NULL, &object) == napi_ok) return object;
  self->object_gone = true;
  pc_loop_handle_close(self);
  errno = ENOMEM;
  return pc_result(env, -1);
}

bool pc_loop_handle_get(pc_args *args, pc_kind kind, pc_loop_handle **out) {
  napi_valuetype type;
  if (napi_typeof(args->env, args->values[0], &type) == napi_ok && type == napi_external &&
      napi_get_value_external(args->env, args->values[0], (void **)out) == napi_ok &&
      (*out)->kind == kind)
    return true;
  napi_throw_type_error(args->env, NULL,
                        kind == PC_WATCH ? "Cannot use: wanted a handle made by watchOpen()"
                                         : "Cannot use: wanted a handle made by prepareOpen()");
  return false;
}

void pc_report_exception(napi_env env) {
  napi_value error;
  bool is_pending = false;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}
