/*
 * Which descriptors belong to this environment. A worker that is terminated runs no more JavaScript:
 * what it had open is closed here, or its peers would wait for it as long as the process lives.
 */
#include "pc.h"

typedef struct {
  uint8_t *owned; /* One byte a descriptor. */
  size_t capacity;
} descriptor_table;

static void close_all(void *data) {
  descriptor_table *table = data;
  for (size_t fd = 0; fd < table->capacity; fd++) {
    if (table->owned[fd]) close((int)fd);
  }
  free(table->owned);
  table->owned = NULL;
  table->capacity = 0;
}

static void free_table(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static descriptor_table *table_of(napi_env env) {
  void *data = NULL;
  return napi_get_instance_data(env, &data) == napi_ok ? data : NULL;
}

void pc_own(napi_env env, int fd) {
  descriptor_table *table = table_of(env);
  if (fd < 0 || table == NULL) return;
  if ((size_t)fd >= table->capacity) {
    size_t capacity = ((size_t)fd + 64) * 2;
    uint8_t *owned = realloc(table->owned, capacity);
    if (owned == NULL) return; /* Then this one is the worker's own care, as before. */
    memset(owned + table->capacity, 0, capacity - table->capacity);
    table->owned = owned;
    table->capacity = capacity;
  }
  table->owned[fd] = 1;
}

void pc_disown(napi_env env, int fd) {
  descriptor_table *table = table_of(env);
  if (table != NULL && fd >= 0 && (size_t)fd < table->capacity) table->owned[fd] = 0;
}

/* disown(fd): somebody else closes it from now on. */
static napi_value disown(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  pc_disown(env, fd);
  return pc_number(env, 0);
}

/* adopt(fd): closed with this environment from now on, like one that was made here. */
static napi_value adopt(napi_env env, napi_callback_info info) {
  pc_args args;
  int32_t fd;
  if (!pc_get_args(env, info, 1, &args) || !pc_get_int(&args, 0, &fd)) return NULL;
  if (fcntl(fd, F_GETFD) < 0) return pc_result(env, -1);
  pc_own(env, fd);
  return pc_number(env, 0);
}

bool pc_define_descriptors(napi_env env, napi_value exports) {
  static const pc_function functions[] = {{"disown", disown}, {"adopt", adopt}};
  descriptor_table *table = calloc(1, sizeof *table);
  if (table == NULL || napi_set_instance_data(env, table, free_table, NULL) != napi_ok ||
      napi_add_env_cleanup_hook(env, close_all, table) != napi_ok) {
    napi_throw_error(env, NULL, "Cannot keep a table of descriptors");
    return false;
  }
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
