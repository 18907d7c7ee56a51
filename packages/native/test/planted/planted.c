/*
 * An addon with faults, compiled only by the sanitizer step: it shows that the step can fail. Sizes
 * come from the caller, so that no compiler knows better.
 */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define NAPI_VERSION 8
#include <node_api.h>

static int32_t first_number(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value;
  int32_t number = 0;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  napi_get_value_int32(env, value, &number);
  return number;
}

/* Writes behind `size` bytes of the heap. */
static napi_value overflow(napi_env env, napi_callback_info info) {
  int32_t size = first_number(env, info);
  volatile char *bytes = malloc((size_t)size);
  if (bytes != NULL) bytes[size] = 1;
  free((void *)bytes);
  return NULL;
}

/* Reads what was freed; through a variable that the compiler may not follow. */
static napi_value use_after_free(napi_env env, napi_callback_info info) {
  char *volatile bytes = malloc((size_t)first_number(env, info));
  char *volatile other = bytes;
  free(bytes);
  napi_value result = NULL;
  napi_create_int32(env, other == NULL ? 0 : other[0], &result);
  return result;
}

/* Adds to the largest number there is. */
static napi_value undefined_sum(napi_env env, napi_callback_info info) {
  volatile int32_t sum = INT_MAX;
  sum += first_number(env, info);
  napi_value result = NULL;
  napi_create_int32(env, sum, &result);
  return result;
}

static int32_t shared_count;

static void *count_up(void *rounds) {
  for (int32_t round = 0; round < *(int32_t *)rounds; round++) shared_count++;
  return NULL;
}

/* Two threads count in the same variable. */
static napi_value race(napi_env env, napi_callback_info info) {
  int32_t rounds = first_number(env, info);
  pthread_t threads[2];
  for (int index = 0; index < 2; index++)
    if (pthread_create(&threads[index], NULL, count_up, &rounds) != 0) return NULL;
  for (int index = 0; index < 2; index++) pthread_join(threads[index], NULL);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback callback;
  } faults[] = {
      {"overflow", overflow},
      {"useAfterFree", use_after_free},
      {"undefinedSum", undefined_sum}, {"race", race}};
  for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++) {
    napi_value function;
    napi_create_function(env, faults[index].name, NAPI_AUTO_LENGTH, faults[index].callback, NULL,
                         &function);
    napi_set_named_property(env, exports, faults[index].name, function);
  }
  return exports;
}
