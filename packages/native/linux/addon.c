/* Registration, and the conversions that every file uses. Context-aware: no global state at all. */
#include "pc.h"

bool pc_get_args(napi_env env, napi_callback_info info, size_t count, pc_args *args) {
  args->env = env;
  args->count = PC_ARGS_MAX;
  if (napi_get_cb_info(env, info, &args->count, args->values, NULL, NULL) != napi_ok) {
    napi_throw_error(env, NULL, "Cannot read the arguments");
    return false;
  }
  if (args->count < count) {
    napi_throw_type_error(env, NULL, "Cannot call: too few arguments");
    return false;
  }
  return true;
}

bool pc_get_int(pc_args *args, size_t index, int32_t *out) {
  /* Not napi_get_value_int32: it makes 0 of NaN, and 0 is a descriptor. */
  double value;
  if (napi_get_value_double(args->env, args->values[index], &value) == napi_ok &&
      value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value) {
    *out = (int32_t)value;
    return true;
  }
  napi_throw_type_error(args->env, NULL, "Cannot call: wanted a 32-bit number");
  return false;
}

bool pc_get_size(pc_args *args, size_t index, size_t *out) {
  double value;
  if (napi_get_value_double(args->env, args->values[index], &value) == napi_ok && value >= 0 &&
      value <= 9007199254740991.0) {
    *out = (size_t)value;
    return true;
  }
  napi_throw_type_error(args->env, NULL, "Cannot call: wanted a number of bytes");
  return false;
}

static size_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;
  }
}

bool pc_get_bytes(pc_args *args, size_t index, pc_bytes *out) {
  napi_typedarray_type type;
  size_t count;
  void *data;
  napi_value value = args->values[index];
  if (napi_get_typedarray_info(args->env, value, &type, &count, &data, NULL, NULL) == napi_ok) {
    out->data = data;
    out->length = count * element_bytes(type);
    return true;
  }
  napi_throw_type_error(args->env, NULL, "Cannot call: wanted a typed array");
  return false;
}

bool pc_get_text(pc_args *args, size_t index, char *out, size_t capacity) {
  size_t length;
  napi_value value = args->values[index];
  if (napi_get_value_string_utf8(args->env, value, NULL, 0, &length) != napi_ok ||
      length >= capacity ||
      napi_get_value_string_utf8(args->env, value, out, capacity, &length) != napi_ok ||
      strlen(out) != length) {
    napi_throw_type_error(args->env, NULL, "Cannot call: wanted a short text without NUL");
    return false;
  }
  return true;
}

napi_value pc_number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

napi_value pc_result(napi_env env, int64_t result) {
  napi_value value = NULL;
  napi_create_int64(env, result < 0 ? -(int64_t)errno : result, &value);
  return value;
}

napi_value pc_new_descriptor(napi_env env, int fd) {
  int saved = errno;
  pc_own(env, fd);
  errno = saved;
  return pc_result(env, fd);
}

bool pc_define(napi_env env, napi_value exports, const pc_function *functions, size_t count) {
  for (size_t index = 0; index < count; index++) {
    napi_value function;
    if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH,
                             functions[index].callback, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[index].name, function) != napi_ok) {
      napi_throw_error(env, NULL, "Cannot define a function of the addon");
      return false;
    }
  }
  return true;
}

NAPI_MODULE_INIT() {
  bool ok = pc_define_descriptors(env, exports) && pc_define_memfd(env, exports) &&
            pc_define_map(env, exports) && pc_define_ancillary(env, exports) &&
            pc_define_socket(env, exports) && pc_define_peer(env, exports) &&
            pc_define_poll(env, exports) && pc_define_prepare(env, exports) &&
            pc_define_lock(env, exports) && pc_define_layout(env, exports);
  return ok ? exports : NULL;
}
