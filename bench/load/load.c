/* load sends signed requests through a proxy and is the exchange behind it, in
 * one thread that does not sleep while it measures. One core is enough for both
 * sides, so the proxy has the other one to itself, and a clock that is read in
 * the same loop holds microseconds, which a timer does not.
 *
 *   load PORT [BYTES]    the exchange on this port, with answers of this size
 *
 * Each line on standard input is a run, and is answered with a line of JSON, see
 * report(). Between two runs the exchange stays, so that no proxy loses its
 * connections.
 *
 *   to=PORT file=REQUESTS conns=N time=S warm=S rate=R count=1 pid=PID...
 *
 * Without a rate the loop is closed: a connection sends its next request when
 * the answer to the one before it is there. With one it is open: requests are
 * due at moments as independent clients choose them (a Poisson process from a
 * fixed seed), and their time counts from the moment that they were due, also
 * when no connection was free then. count sends each request once and stops.
 *
 * REQUESTS holds complete requests, each behind its length (32 bits, as this
 * machine has them). They are sent one after the other, none twice. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 2048, EVENTS = 256, PIDS = 8, QUEUE = 1 << 20, STATUSES = 600 };

/* conn is one side of the proxy: a client's connection or one to the exchange. */
typedef struct conn {
	struct conn *next; /* among the idle clients */
	const char *out;   /* what is still to be sent */
	size_t out_left;
	uint64_t due;     /* when the request should have left */
	size_t body_left; /* bytes of the message's body that did not arrive yet */
	int fd, status;
	int have;         /* bytes in head */
	uint8_t client, busy, closing;
	char head[HEAD];
} conn;

typedef struct options {
	int to, conns, count, pids, pid[PIDS];
	double seconds, warm, rate;
	char file[512];
} options;

static options opt;
static int ep, listener;
static char *requests, *requests_end, *cursor; /* the file, and what comes next */
static char *answer;
static size_t answer_size;
static char scratch[1 << 18];
static conn *idle, *idle_last; /* the longest idle first: every connection takes its turn */

static uint64_t due_queue[QUEUE]; /* requests that are due and found no idle connection */
static uint32_t due_head, due_tail;

static uint32_t *times; /* ns of each counted request */
static size_t times_room;
static uint64_t sent, ended, done, served, from, until;
static int exhausted, stopped; /* no request is left; none is to be sent any more */
static uint64_t statuses[STATUSES];

static void die(const char *form, ...) {
	va_list args;
	va_start(args, form);
	fputs("load: ", stderr);
	vfprintf(stderr, form, args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Time of the processor, in seconds: of other processes (proc(5): utime and
 * stime), of this one, and of everything that ran or was taken from us. */

static double ticks_of(int pid) {
	char path[64], text[1024];
	unsigned long user, system;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f) die("process %d has ended", pid);
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) die("%s cannot be read", path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of_peer(void) {
	double sum = 0;
	for (int i = 0; i < opt.pids; i++) sum += ticks_of(opt.pid[i]);
	return sum;
}

static double cpu_of_all(void) {
	unsigned long user, nice, system, idle_time, wait, irq, soft, steal;
	FILE *f = fopen("/proc/stat", "r");
	if (!f || fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle_time, &wait, &irq, &soft, &steal) != 8) die("/proc/stat cannot be read");
	fclose(f);
	return (double)(user + nice + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of_self(void) { return ticks_of(getpid()); }

/* Sockets. */

static void watch(conn *c) {
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	int one = 1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) < 0) die("epoll: %s", strerror(errno));
}

static struct sockaddr_in local(int port) {
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void listen_on(int port) {
	struct sockaddr_in a = local(port);
	int one = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 16384) < 0) die("port %d: %s", port, strerror(errno));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) < 0) die("epoll: %s", strerror(errno));
}

static void dial(conn *c) {
	struct sockaddr_in a = local(opt.to);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)) die("connect: %s", strerror(errno));
	c->client = 1;
	c->have = 0, c->body_left = 0, c->out_left = 0, c->busy = 0, c->closing = 0;
	watch(c);
}

static void accept_all(void) {
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		conn *c = calloc(1, sizeof *c);
			if (!c) die("no memory");
		c->fd = fd;
		watch(c);
	}
	if (errno != EAGAIN) die("accept: %s", strerror(errno));
}

/* flush sends as much as the socket takes; the rest follows when it is ready. */
static void flush(conn *c) {
	while (c->out_left > 0) {
		ssize_t n = send(c->fd, c->out, c->out_left, MSG_NOSIGNAL);
		if (n < 0) {
			/* A broken connection shows when it is read. */
			if (errno != EAGAIN && errno != ENOTCONN && errno != EPIPE && errno != ECONNRESET) die("send: %s", strerror(errno));
			return;
		}
		c->out += n, c->out_left -= (size_t)n;
	}
}

/* send_next sends the next request of the file; 0 when there is none. */
static int send_next(conn *c, uint64_t due) {
	uint32_t size;
	if (stopped || cursor + sizeof size > requests_end) {
		exhausted |= !stopped;
		return 0;
	}
	memcpy(&size, cursor, sizeof size);
	c->out = cursor + sizeof size, c->out_left = size;
	cursor += sizeof size + size;
	c->due = due, c->busy = 1, sent++;
	flush(c);
	return 1;
}

static void rest(conn *c) {
	c->next = NULL;
	if (idle)
		idle_last->next = c;
	else
		idle = c;
	idle_last = c;
}

/* A client's connection has nothing to do: give it what is due, or let it rest. */
static void next_for(conn *c) {
	if (opt.rate == 0) {
		send_next(c, now());
	} else if (due_head != due_tail) {
		send_next(c, due_queue[due_head++ % QUEUE]);
	} else {
		rest(c);
	}
}

/* An answer is complete. Its time counts by the moment of its end. */
static void answered(conn *c) {
	uint64_t t = now();
	statuses[c->status > 0 && c->status < STATUSES ? c->status : 0]++, ended++;
	if (t >= from && t < until) {
		if (done < times_room) times[done] = (uint32_t)(t - c->due > UINT32_MAX ? UINT32_MAX : t - c->due);
		done++;
	}
	c->busy = 0;
	if (c->closing) {
		close(c->fd);
		dial(c);
	}
	next_for(c);
}

/* A request for the exchange is complete. */
static void asked(conn *c) {
	served++;
	c->out = answer, c->out_left = answer_size;
	flush(c);
}

/* head_end understands a complete head. */
static void head_end(conn *c, char *end) {
	*end = 0;
	char *length = strcasestr(c->head, "\r\ncontent-length:");
	if (c->client) {
		c->status = c->have > 12 ? atoi(c->head + 9) : 0;
		if (!length) die("an answer without Content-Length: %.200s", c->head);
		c->closing = strcasestr(c->head, "\r\nconnection: close") != NULL;
	}
	c->body_left = length ? strtoul(length + 17, NULL, 10) : 0;
}

/* consume takes bytes that arrived. */
static void consume(conn *c, const char *p, size_t n) {
	while (n > 0) {
		if (c->body_left > 0) {
			size_t part = n < c->body_left ? n : c->body_left;
			p += part, n -= part, c->body_left -= part;
		} else {
			size_t room = (size_t)(HEAD - 1 - c->have), part = n < room ? n : room;
			int before = c->have;
			if (room == 0) die("a head of more than %d bytes", HEAD);
			memcpy(c->head + before, p, part);
			c->have += (int)part;
			int back = before > 3 ? before - 3 : 0;
			char *end = memmem(c->head + back, (size_t)(c->have - back), "\r\n\r\n", 4);
			if (!end) {
				p += part, n -= part;
				continue;
			}
			size_t used = (size_t)(end + 4 - c->head) - (size_t)before;
			p += used, n -= used;
			head_end(c, end + 2);
			c->have = 0;
		}
		if (c->body_left == 0) {
			if (c->client)
				answered(c);
			else
				asked(c);
		}
	}
}

/* gone is the end of a connection. A client's opens again; when an answer was
 * outstanding, that is a failure of the peer, and counts as status 0. */
static void gone(conn *c) {
	close(c->fd);
	if (!c->client) {
		free(c);
		return;
	}
	if (!c->busy) { /* it may be in the list of idle ones, and stays there */
		dial(c);
		return;
	}
	statuses[0]++, ended++;
	dial(c);
	next_for(c);
}

static void ready(conn *c, uint32_t events) {
	if (events & EPOLLOUT) flush(c);
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
	for (;;) {
		int fd = c->fd;
		ssize_t n = recv(fd, scratch, sizeof scratch, 0);
		if (n > 0) consume(c, scratch, (size_t)n);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			gone(c);
			return;
		}
		/* A short read took all that was there (epoll(7)); what came since makes
		 * another event. */
		if (n < (ssize_t)sizeof scratch && !(events & (EPOLLRDHUP | EPOLLHUP))) return;
		if (n < 0 || c->fd != fd) return;
	}
}

/* Independent clients: the time to the next request is exponential. */
static uint64_t seed = 88172645463325252u;
static double gap(void) {
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return -log(((double)(seed >> 11) + 1) / 9007199254740993.0) * 1e9 / opt.rate;
}

static void send_due(double *next) {
	uint64_t t = now();
	if (stopped) return;
	for (; *next <= (double)t; *next += gap()) {
		if (due_tail - due_head == QUEUE) die("a million requests are waiting: the rate is far beyond what the peer can do");
		due_queue[due_tail++ % QUEUE] = (uint64_t)*next;
	}
	while (idle && due_head != due_tail) {
		conn *c = idle;
		idle = c->next;
		send_next(c, due_queue[due_head++ % QUEUE]);
	}
}

static void load_requests(void) {
	struct stat s;
	int fd = open(opt.file, O_RDONLY);
	if (fd < 0 || fstat(fd, &s) < 0 || s.st_size == 0) die("%s: %s", opt.file, strerror(errno));
	requests = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (requests == MAP_FAILED) die("%s: %s", opt.file, strerror(errno));
	cursor = requests, requests_end = requests + s.st_size;
	close(fd);
}

static void make_answer(int size) {
	char *body = malloc((size_t)size + 1);
	if (!body || size < 11) die("an answer has at least 11 bytes");
	memset(body, 'x', (size_t)size);
	memcpy(body, "{\"data\":\"", 9);
	memcpy(body + size - 2, "\"}", 3);
	answer_size = (size_t)asprintf(&answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size, body);
	free(body);
}

static int compare(const void *a, const void *b) {
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static double at(size_t n, double part) { return n ? times[(size_t)((double)(n - 1) * part)] / 1000.0 : 0; }

/* report: requests that were answered within the time, its seconds, processor
 * seconds of the peer and of everybody else, microseconds of p50, p90 and p99,
 * how many requests reached the exchange, and the answers by their status. */
static void report(double seconds, double cpu, double others) {
	size_t n = done < times_room ? done : times_room;
	qsort(times, n, sizeof *times, compare);
	printf("{\"requests\":%lu,\"seconds\":%.6f,\"cpu\":%.3f,\"others\":%.3f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"served\":%lu,\"late\":%u,\"exhausted\":%s,\"status\":{",
		done, seconds, cpu, others, at(n, 0.5), at(n, 0.9), at(n, 0.99), served, due_tail - due_head, exhausted && !opt.count ? "true" : "false");
	const char *comma = "";
	for (int i = 0; i < STATUSES; i++)
		if (statuses[i]) printf("%s\"%d\":%lu", comma, i, statuses[i]), comma = ",";
	printf("}}\n");
	fflush(stdout);
}

static void turn(int wait, struct epoll_event *stdin_event) {
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(ep, events, EVENTS, wait);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &opt)
			*stdin_event = events[i];
		else if (!events[i].data.ptr)
			accept_all();
		else
			ready(events[i].data.ptr, events[i].events);
	}
}

/* How long answers are waited for when the time is over. */
static const uint64_t patience = 1000000000u;

static void run(void) {
	struct epoll_event none;
	double cpu = 0, all = 0, self = 0, next, took = 0;
	uint64_t t = now(), begun = 0;
	from = t + (uint64_t)(opt.warm * 1e9), until = from + (uint64_t)(opt.seconds * 1e9);
	for (next = (double)t; ended < sent || !stopped; t = now()) {
		if (!begun && t >= from) begun = t, cpu = cpu_of_peer(), all = cpu_of_all(), self = cpu_of_self();
		if (!stopped && (t >= until || (opt.count && exhausted && ended == sent))) {
			stopped = 1, took = (double)(t - begun) / 1e9;
			cpu = cpu_of_peer() - cpu, all = cpu_of_all() - all, self = cpu_of_self() - self;
		}
		if (t > until + patience) break;
		if (opt.rate > 0) send_due(&next);
		turn(0, &none);
	}
	report(took, cpu, all - cpu - self);
}

/* read_run understands a line of standard input. */
static void read_run(char *line) {
	opt = (options){.conns = 32, .seconds = 1};
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		char *value = strchr(word, '=');
		if (!value) die("%s is not name=value", word);
		*value++ = 0;
		if (!strcmp(word, "to")) opt.to = atoi(value);
		else if (!strcmp(word, "file")) snprintf(opt.file, sizeof opt.file, "%s", value);
		else if (!strcmp(word, "conns")) opt.conns = atoi(value);
		else if (!strcmp(word, "time")) opt.seconds = atof(value);
		else if (!strcmp(word, "warm")) opt.warm = atof(value);
		else if (!strcmp(word, "rate")) opt.rate = atof(value);
		else if (!strcmp(word, "count")) opt.count = atoi(value);
		else if (!strcmp(word, "pid") && opt.pids < PIDS) opt.pid[opt.pids++] = atoi(value);
		else die("%s is no option", word);
	}
	if (!opt.to || !*opt.file || opt.conns < 1) die("to, file and conns are required");
}

/* one makes a run from begin to end. */
static void one(char *line) {
	read_run(line);
	load_requests();
	times_room = (size_t)(opt.seconds * 400000) + 1000;
	times = calloc(times_room, sizeof *times);
	conn *clients = calloc((size_t)opt.conns, sizeof *clients);
	if (!times || !clients) die("no memory");
	memset(statuses, 0, sizeof statuses);
	sent = ended = done = served = 0, exhausted = stopped = 0;
	due_head = due_tail = 0, seed = 88172645463325252u, idle = NULL;
	for (int i = 0; i < opt.conns; i++) {
		dial(&clients[i]);
		next_for(&clients[i]);
	}
	run();
	for (int i = 0; i < opt.conns; i++) close(clients[i].fd);
	free(clients);
	free(times);
	munmap(requests, (size_t)(requests_end - requests));
}

int main(int argc, char **argv) {
	char line[4096];
	struct epoll_event asked_for = {.events = EPOLLIN, .data.ptr = &opt};
	if (argc < 2) die("the port of the exchange is missing");
	signal(SIGPIPE, SIG_IGN);
	ep = epoll_create1(0);
	make_answer(argc > 2 ? atoi(argv[2]) : 64);
	listen_on(atoi(argv[1]));
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, 0, &asked_for) < 0) die("standard input must be a pipe: %s", strerror(errno));
	for (;;) {
		struct epoll_event in = {0};
		while (!in.events) turn(-1, &in);
		if (!fgets(line, sizeof line, stdin)) return 0;
		one(line);
	}
}
