/* Answers with what it sees of its own container: {"write": PATH, "bytes": N}, {"read": PATH}, or anything else for all
   of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char** environ;

static void put_text(FILE* out, const char* text) {
  fputc('"', out);
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c < 0x20)
      fprintf(out, "\\u%04x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

static void put_list(FILE* out, const char* name, char** texts) {
  fprintf(out, "\"%s\": [", name);
  for (int i = 0; texts[i] != NULL; i++) {
    if (i > 0) fputc(',', out);
    put_text(out, texts[i]);
  }
  fputs("], ", out);
}

static void put_file(FILE* out, const char* name, const char* path) {
  static char text[1 << 15];
  FILE* in = fopen(path, "r");
  size_t got = in == NULL ? 0 : fread(text, 1, sizeof text - 1, in);
  text[got] = '\0';
  if (in != NULL) fclose(in);
  fprintf(out, "\"%s\": ", name);
  if (in == NULL)
    fputs("null", out);
  else
    put_text(out, text);
  fputs(", ", out);
}

static const char* write_bytes(const char* path, long bytes) {
  static char block[4096];
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
  if (fd < 0) return strerrorname_np(errno);
  memset(block, 'x', sizeof block);
  const char* failed = "";
  while (bytes > 0 && *failed == '\0') {
    ssize_t done = write(fd, block, bytes < 4096 ? (size_t)bytes : sizeof block);
    if (done < 0) failed = strerrorname_np(errno);
    bytes -= done;
  }
  close(fd);
  return failed;
}

char* look(const char* request, int count, char** arguments) {
  char* text = NULL;
  size_t size = 0;
  char path[100];
  long bytes = 0;
  FILE* out = open_memstream(&text, &size);
  fputc('{', out);
  if (sscanf(request, "{\"write\": \"%99[^\"]\", \"bytes\": %ld}", path, &bytes) == 2) {
    fputs("\"failed\": ", out);
    put_text(out, write_bytes(path, bytes));
  } else if (sscanf(request, "{\"read\": \"%99[^\"]\"}", path) == 1) {
    put_file(out, "content", path);
    fprintf(out, "\"pid\": %d", (int)getpid());
  } else {
    (void)count;
    put_list(out, "argv", arguments);
    put_list(out, "env", environ);
    put_file(out, "mounts", "/proc/self/mounts");
    put_file(out, "listening", "/proc/self/net/tcp");
    put_file(out, "memory.max", "/sys/fs/cgroup/memory.max");
    put_file(out, "memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    put_file(out, "cpu.max", "/sys/fs/cgroup/cpu.max");
    put_file(out, "cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    put_file(out, "cpu.weight", "/sys/fs/cgroup/cpu.weight");
    put_file(out, "cpu.shares", "/sys/fs/cgroup/cpu/cpu.shares");
    fprintf(out, "\"uid\": %d", (int)getuid());
  }
  fputc('}', out);
  fclose(out);
  return text;
}
