// Runs the script named by argv[1] in QuickJS. The engine's own command needs threads, signals and child processes; this
// one has what scripts of the tests use: print(), scriptArgs, read(path), and the queue of promises.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

static JSValue print(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  (void)self;
  for (int i = 0; i < count; i++) {
    const char *text = JS_ToCString(context, values[i]);
    if (!text) return JS_EXCEPTION;
    printf("%s%s", i ? " " : "", text);
    JS_FreeCString(context, text);
  }
  putchar('\n');
  return JS_UNDEFINED;
}

static char *load(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*length + 1);
  if (text && fread(text, 1, *length, file) != *length) {
    free(text);
    text = NULL;
  }
  fclose(file);
  if (text) text[*length] = 0;
  return text;
}

static JSValue readFile(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  (void)self, (void)count;
  const char *path = JS_ToCString(context, values[0]);
  if (!path) return JS_EXCEPTION;
  size_t length;
  char *text = load(path, &length);
  JSValue result = text ? JS_NewStringLen(context, text, length) : JS_ThrowReferenceError(context, "cannot read %s", path);
  free(text);
  JS_FreeCString(context, path);
  return result;
}

static int report(JSContext *context) {
  JSValue exception = JS_GetException(context);
  const char *text = JS_ToCString(context, exception);
  fprintf(stderr, "%s\n", text ? text : "exception");
  JS_FreeCString(context, text);
  JS_FreeValue(context, exception);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: quickjs SCRIPT [ARGUMENT...]\n"), 2;
  size_t length;
  char *script = load(argv[1], &length);
  if (!script) return fprintf(stderr, "quickjs: cannot read %s\n", argv[1]), 2;
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = JS_NewContext(runtime);
  JSValue global = JS_GetGlobalObject(context), arguments = JS_NewArray(context);
  for (int i = 2; i < argc; i++) JS_SetPropertyUint32(context, arguments, (uint32_t)i - 2, JS_NewString(context, argv[i]));
  JS_SetPropertyStr(context, global, "print", JS_NewCFunction(context, print, "print", 1));
  JS_SetPropertyStr(context, global, "read", JS_NewCFunction(context, readFile, "read", 1));
  JS_SetPropertyStr(context, global, "scriptArgs", arguments);
  JS_FreeValue(context, global);
  JSValue value = JS_Eval(context, script, length, argv[1], JS_EVAL_TYPE_GLOBAL);
  int status = JS_IsException(value) ? report(context) : 0;
  JS_FreeValue(context, value);
  for (JSContext *other; status == 0;) {
    int pending = JS_ExecutePendingJob(runtime, &other);
    if (pending < 0) status = report(other);
    if (pending <= 0) break;
  }
  fflush(stdout);
  return status;
}
