/* layout(): what C believes of the protocol's numbers, for the test that compares. */
#include "layout.h"
#include "pc.h"

static napi_value layout(napi_env env, napi_callback_info info) {
  (void)info;
  static const struct {
    const char *name;
    double value;
  } fields[] = {
      {"DOORBELL", PC_DOORBELL_BYTE},
      {"HANDLES_MAX", PC_HANDLES_MAX},
      {"MAGIC", PC_REGION_MAGIC},
      {"HEADER_BYTES", PC_REGION_HEADER_BYTES},
      {"OUT_TAIL", PC_REGION_OUT_TAIL},
      {"IN_HEAD", PC_REGION_IN_HEAD},
      {"SLEEP_EPOCH", PC_REGION_SLEEP_EPOCH},
      {"SPACE_EPOCH", PC_REGION_SPACE_EPOCH},
      {"SECTIONS_CONSUMED", PC_REGION_SECTIONS_CONSUMED},
      {"SEAL_SEAL", PC_SEAL_SEAL},
      {"SEAL_SHRINK", PC_SEAL_SHRINK},
      {"SEAL_GROW", PC_SEAL_GROW},
      {"SEAL_WRITE", PC_SEAL_WRITE},
      {"SEAL_FUTURE_WRITE", PC_SEAL_FUTURE_WRITE},
  };
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  for (size_t index = 0; index < sizeof fields / sizeof fields[0]; index++) {
    napi_value value = pc_number(env, fields[index].value);
    if (napi_set_named_property(env, object, fields[index].name, value) != napi_ok) return NULL;
  }
  return object;
}

bool pc_define_layout(napi_env env, napi_value exports) {
  static const pc_function functions[] = {{"layout", layout}};
  return pc_define(env, exports, functions, sizeof functions / sizeof functions[0]);
}
