/* Streams, events and graphs of the fake driver. */
#include <time.h>
#include <unistd.h>

#include <set>

#include "cxg_fake.h"

namespace {

std::set<fake_stream *> streams;
std::set<fake_event *> events;
std::set<fake_graph *> graphs, executables;
fake_stream the_default;

bool known(fake_stream *stream) { return stream == nullptr || streams.count(stream) != 0; }

double now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
}

bool hangs;

/** The oldest piece of work of a stream. An error stays; work that hangs does, too. */
CUresult do_one(fake_stream *stream) {
  if (hangs) return NOT_READY;
  const fake_work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  const CUresult result = work();
  hangs = result == HUNG;
  if (hangs) return NOT_READY;
  if (result != SUCCESS) fake_sticky = result;
  return fake_sticky;
}

CUresult do_all(fake_stream *stream) {
  fake_wait_if_hung();
  while (!stream->queue.empty())
    if (const CUresult result = do_one(stream); result == NOT_READY) fake_wait_if_hung();
    else if (result != SUCCESS) return result;
  return SUCCESS;
}

}  // namespace

void fake_end_hang() { hangs = false; }
void fake_wait_if_hung() {
  if (!hangs) return;
  fake_lock.unlock();
  for (;;) pause();
}

CUresult fake_drain(fake_stream *stream) {
  if (stream != nullptr) return do_all(stream);
  for (fake_stream *s : streams)
    if (const CUresult result = do_all(s); result != SUCCESS) return result;
  return do_all(&the_default);
}

CUresult fake_submit(fake_stream *stream, fake_work work) {
  if (!known(stream)) return INVALID_HANDLE;
  if (stream != nullptr && stream->capture != nullptr) {
    if (stream->capture_broken) return CAPTURE_INVALIDATED;
    stream->capture->work.push_back(std::move(work));
    return SUCCESS;
  }
  if (stream == nullptr)
    if (const CUresult result = fake_refuse_capture(); result != SUCCESS) return result;
  /* the default stream waits for all others, and they for it */
  if (const CUresult result = stream == nullptr ? fake_drain(nullptr) : do_all(&the_default); result != SUCCESS) return result;
  (stream == nullptr ? &the_default : stream)->queue.push_back(std::move(work));
  return SUCCESS;
}

CUresult fake_refuse_capture() {
  bool any = false;
  for (fake_stream *s : streams)
    if (s->capture != nullptr) any = s->capture_broken = true;
  return any ? CAPTURE_UNSUPPORTED : SUCCESS;
}

void fake_forget_streams() {
  for (fake_stream *s : streams) delete s;
  for (fake_event *e : events) delete e;
  for (fake_graph *g : graphs) delete g;
  for (fake_graph *g : executables) delete g;
  streams.clear();
  events.clear();
  graphs.clear();
  executables.clear();
  the_default.queue.clear();
}

FAKE_API CUresult cuStreamCreate(fake_stream **stream, unsigned) {
  FAKE_ENTER();
  streams.insert(*stream = new fake_stream);
  return SUCCESS;
}
FAKE_API CUresult cuStreamDestroy_v2(fake_stream *stream) {
  FAKE_ENTER();
  if (stream == nullptr || !known(stream)) return INVALID_HANDLE;
  const CUresult result = do_all(stream);
  streams.erase(stream);
  delete stream;
  return result;
}
FAKE_API CUresult cuStreamSynchronize(fake_stream *stream) {
  FAKE_ENTER();
  if (!known(stream)) return INVALID_HANDLE;
  if (stream == nullptr || stream->capture != nullptr)
    if (const CUresult result = fake_refuse_capture(); result != SUCCESS) return result;
  return fake_drain(stream);
}
FAKE_API CUresult cuCtxSynchronize() {
  FAKE_ENTER();
  if (const CUresult result = fake_refuse_capture(); result != SUCCESS) return result;
  return fake_drain(nullptr);
}
/** Each query finds one more piece of work done. */
FAKE_API CUresult cuStreamQuery(fake_stream *stream) {
  FAKE_ENTER();
  if (!known(stream)) return INVALID_HANDLE;
  fake_stream *s = stream == nullptr ? &the_default : stream;
  if (s->capture != nullptr) return fake_refuse_capture();
  if (hangs) return NOT_READY;
  if (s->queue.empty()) return SUCCESS;
  const CUresult result = do_one(s);
  return result == SUCCESS ? NOT_READY : result;
}

/* Events. */

FAKE_API CUresult cuEventCreate(fake_event **event, unsigned) {
  FAKE_ENTER();
  events.insert(*event = new fake_event);
  return SUCCESS;
}
FAKE_API CUresult cuEventDestroy_v2(fake_event *event) {
  FAKE_ENTER();
  if (events.count(event) == 0) return INVALID_HANDLE;
  if (!event->done)
    if (const CUresult result = fake_drain(event->recorded_on); result != SUCCESS) return result;
  events.erase(event);
  delete event;
  return SUCCESS;
}
FAKE_API CUresult cuEventRecord(fake_event *event, fake_stream *stream) {
  FAKE_ENTER();
  if (events.count(event) == 0) return INVALID_HANDLE;
  if (stream == nullptr || stream->capture == nullptr) {
    event->done = false;
    event->recorded_on = stream;
  }
  return fake_submit(stream, [=] {
    event->done = true;
    event->ms = now_ms();
    return SUCCESS;
  });
}
FAKE_API CUresult cuEventQuery(fake_event *event) {
  FAKE_ENTER();
  if (events.count(event) == 0) return INVALID_HANDLE;
  if (event->done) return SUCCESS;
  fake_stream *s = event->recorded_on == nullptr ? &the_default : event->recorded_on;
  const CUresult result = do_one(s);
  return result == SUCCESS ? NOT_READY : result;
}
FAKE_API CUresult cuEventSynchronize(fake_event *event) {
  FAKE_ENTER();
  if (events.count(event) == 0) return INVALID_HANDLE;
  return event->done ? SUCCESS : fake_drain(event->recorded_on);
}
FAKE_API CUresult cuStreamWaitEvent(fake_stream *stream, fake_event *event, unsigned) {
  FAKE_ENTER();
  if (events.count(event) == 0) return INVALID_HANDLE;
  return fake_submit(stream, [=] { return event->done ? SUCCESS : fake_drain(event->recorded_on); });
}
FAKE_API CUresult cuEventElapsedTime(float *ms, fake_event *from, fake_event *to) {
  FAKE_ENTER();
  if (events.count(from) == 0 || events.count(to) == 0) return INVALID_HANDLE;
  if (!from->done || !to->done) return NOT_READY;
  *ms = float(to->ms - from->ms);
  return SUCCESS;
}
FAKE_API CUresult cuEventElapsedTime_v2(float *ms, fake_event *from, fake_event *to) { return cuEventElapsedTime(ms, from, to); }

/* Graphs: what a capture collected is done in that order, which streams and events of one stream imply. */

FAKE_API CUresult cuStreamBeginCapture_v2(fake_stream *stream, unsigned mode) {
  FAKE_ENTER();
  if (stream == nullptr || mode > 2) return stream == nullptr ? CAPTURE_UNSUPPORTED : INVALID_VALUE;
  if (!known(stream) || stream->capture != nullptr) return INVALID_HANDLE;
  stream->capture.reset(new fake_graph);
  stream->capture_broken = false;
  return SUCCESS;
}
FAKE_API CUresult cuStreamEndCapture(fake_stream *stream, fake_graph **graph) {
  FAKE_ENTER();
  if (stream == nullptr || !known(stream) || stream->capture == nullptr) return INVALID_VALUE;
  fake_graph *captured = stream->capture.release();
  if (stream->capture_broken) {
    delete captured;
    *graph = nullptr;
    return CAPTURE_INVALIDATED;
  }
  graphs.insert(*graph = captured);
  return SUCCESS;
}
FAKE_API CUresult cuStreamIsCapturing(fake_stream *stream, int *status) {
  FAKE_ENTER();
  if (!known(stream)) return INVALID_HANDLE;
  *status = stream == nullptr || stream->capture == nullptr ? 0 : stream->capture_broken ? 2 : 1;
  return SUCCESS;
}
FAKE_API CUresult cuGraphGetNodes(fake_graph *graph, void **nodes, size_t *count) {
  FAKE_ENTER();
  if (graphs.count(graph) == 0) return INVALID_HANDLE;
  if (nodes == nullptr) *count = graph->work.size();
  return nodes == nullptr ? SUCCESS : INVALID_VALUE;
}
FAKE_API CUresult cuGraphInstantiateWithFlags(fake_graph **executable, fake_graph *graph, uint64_t) {
  FAKE_ENTER();
  if (graphs.count(graph) == 0) return INVALID_HANDLE;
  executables.insert(*executable = new fake_graph(*graph));
  return SUCCESS;
}
FAKE_API CUresult cuGraphInstantiate_v2(fake_graph **executable, fake_graph *graph, void **, char *, size_t) {
  return cuGraphInstantiateWithFlags(executable, graph, 0);
}
FAKE_API CUresult cuGraphUpload(fake_graph *executable, fake_stream *) {
  FAKE_ENTER();
  return executables.count(executable) == 0 ? INVALID_HANDLE : SUCCESS;
}
FAKE_API CUresult cuGraphLaunch(fake_graph *executable, fake_stream *stream) {
  FAKE_ENTER();
  if (executables.count(executable) == 0) return INVALID_HANDLE;
  for (const fake_work &work : executable->work)
    if (const CUresult result = fake_submit(stream, work); result != SUCCESS) return result;
  return SUCCESS;
}
FAKE_API CUresult cuGraphExecDestroy(fake_graph *executable) {
  FAKE_ENTER();
  if (executables.erase(executable) == 0) return INVALID_HANDLE;
  delete executable;
  return SUCCESS;
}
FAKE_API CUresult cuGraphDestroy(fake_graph *graph) {
  FAKE_ENTER();
  if (graphs.erase(graph) == 0) return INVALID_HANDLE;
  delete graph;
  return SUCCESS;
}
