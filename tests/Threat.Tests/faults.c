/* System calls that fail when they are told to: the n-th of a kind, or some from it on. Loaded before the C library (LD_PRELOAD). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static char kind[32];
static atomic_int is_counting, count, at, times, failure, hit_port;
static __thread int is_spared;

/* The calls of this thread are its own: they neither count nor fail. */
void faults_spare(void) { is_spared = 1; }

/* So many calls from the n-th on fail. */
void faults_arm(const char *name, int n, int error, int how_often) {
  atomic_store(&is_counting, 0);
  strncpy(kind, name, sizeof kind - 1);
  atomic_store(&count, 0);
  atomic_store(&at, n);
  atomic_store(&failure, error);
  atomic_store(&times, how_often);
  atomic_store(&hit_port, 0);
}

void faults_count(int on) { atomic_store(&is_counting, on); }
int faults_counted(void) { return atomic_load(&count); }

/* The peer's port of the socket whose call failed; -1 for a call on no connection, 0 when none failed. */
int faults_hit(void) { return atomic_load(&hit_port); }

typedef int (*name_of)(int, struct sockaddr *, socklen_t *);

static int port_of(int socket) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  name_of real = (name_of)dlsym(RTLD_NEXT, "getpeername");
  if (socket < 0 || real(socket, (struct sockaddr *)&address, &size) != 0)
    return -1;
  if (address.ss_family == AF_INET)
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
  return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port) : -1;
}

static int fails(const char *name, int socket) {
  if (is_spared || !atomic_load(&is_counting) || strcmp(kind, name) != 0)
    return 0;
  int past = atomic_fetch_add(&count, 1) + 1 - atomic_load(&at);
  if (past < 0 || past >= atomic_load(&times))
    return 0;
  atomic_store(&hit_port, port_of(socket));
  errno = atomic_load(&failure);
  return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define CALL(name, socket, ...) do { REAL(name); if (fails(#name, socket)) return -1; return real(__VA_ARGS__); } while (0)

int accept4(int s, struct sockaddr *a, socklen_t *n, int f) { CALL(accept4, -1, s, a, n, f); }
ssize_t recv(int s, void *d, size_t n, int f) { CALL(recv, s, s, d, n, f); }
ssize_t recvmsg(int s, struct msghdr *m, int f) { CALL(recvmsg, s, s, m, f); }
ssize_t send(int s, const void *d, size_t n, int f) { CALL(send, s, s, d, n, f); }
ssize_t sendmsg(int s, const struct msghdr *m, int f) { CALL(sendmsg, s, s, m, f); }
int shutdown(int s, int how) { CALL(shutdown, s, s, how); }
int getsockname(int s, struct sockaddr *a, socklen_t *n) { CALL(getsockname, s, s, a, n); }
int getpeername(int s, struct sockaddr *a, socklen_t *n) { CALL(getpeername, s, s, a, n); }
int getsockopt(int s, int l, int o, void *v, socklen_t *n) { CALL(getsockopt, s, s, l, o, v, n); }
int setsockopt(int s, int l, int o, const void *v, socklen_t n) { CALL(setsockopt, s, s, l, o, v, n); }
int poll(struct pollfd *p, nfds_t n, int t) { CALL(poll, n == 1 ? p[0].fd : -1, p, n, t); }
int epoll_create1(int f) { CALL(epoll_create1, -1, f); }
int eventfd(unsigned int n, int f) { CALL(eventfd, -1, n, f); }
int epoll_ctl(int e, int o, int s, struct epoll_event *v) { CALL(epoll_ctl, s, e, o, s, v); }
int epoll_wait(int e, struct epoll_event *v, int n, int t) { CALL(epoll_wait, -1, e, v, n, t); }

int fcntl(int s, int command, ...) {
  REAL(fcntl);
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (fails("fcntl", s))
    return -1;
  return real(s, command, argument);
}

int ioctl(int s, unsigned long request, ...) {
  static int (*real)(int, unsigned long, ...);
  if (!real)
    real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (fails("ioctl", s))
    return -1;
  return real(s, request, argument);
}

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *argument) {
  REAL(pthread_create);
  return fails("pthread_create", -1) ? errno : real(t, a, run, argument);
}
