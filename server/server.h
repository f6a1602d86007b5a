/*
 * server - the life of the process: start, reload, drain. Main thread.
 */
#ifndef PORTCULLIS_SERVER_H
#define PORTCULLIS_SERVER_H

/* Runs until SIGTERM or SIGINT. Returns the exit status: 0 after an orderly end, 1 when it could not start (the reasons are on
 * stderr) or a second signal cut the drain short. */
int server_run(const char *config_file);

#endif
