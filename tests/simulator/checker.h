#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "headrace/pipeline/project.h"
#include "world.h"

namespace headrace::simulator {

/// Holds every transition of the state against what the project promises, at once, and knows who wrote it.
///
/// The transitions come from triggers in the database (Watch), which write each into a table beside those of the program, in the same transaction; after each
/// move of a process the checker reads what is new there. So nothing that reaches the state goes unseen, and nothing of the program is changed for it.
class Checker {
 public:
  struct Run {
    std::string id, pipeline, state;
    std::int64_t interval_start_us = 0, epoch = 0, exit_code = -1;
    const Process* owner = nullptr;
    std::map<std::string, std::string> steps;        ///< state by name, of those that were touched
    std::map<std::string, int> succeeded;            ///< how often each was recorded as such
  };
  struct Request {
    std::string origin, state;
    std::int64_t attempt = 0, claimed = 0;
    std::set<std::string> runs;                      ///< made for it since it was entered
    bool ended() const { return state != "queued" && state != "started"; }
  };
  struct Mark { std::int64_t since_us = 0, handled_us = 0; };
  /// Who began a delivery last, and who recorded one last: run ids.
  struct Delivery { std::string began, recorded; };
  using Pipelines = std::map<std::string, const ResolvedPipeline*>;

  /// Add the triggers to the database of a project that is made.
  static void Watch(sqlite3* database);

  Checker(World& world, const std::string& database, const Pipelines& pipelines);
  void AfterMove(Process& writer);

  /// A process begins an attempt, with what it believes about the run.
  void Starts(const std::string& run, const StepSpec& spec);

  const std::map<std::string, Run>& runs() const { return runs_; }
  const std::map<std::string, Request>& requests() const { return requests_; }
  std::size_t open_requests() const { return open_requests_; }
  const std::map<std::string, Mark>& marks() const { return marks_; }                ///< by pipeline
  const std::map<std::string, Delivery>& deliveries() const { return deliveries_; }  ///< by DeliveryKey
  /// The newest run of an interval, or nullptr.
  const Run* Newest(const std::string& pipeline, std::int64_t interval_start_us) const;
  /// When all is over: slots that are still taken by a run that came to its end.
  void CheckSlotsAreFree();

 private:
  struct Change {
    std::string kind, id, step, was, now;
    std::int64_t old_number = 0, new_number = 0;
    std::string clock;
    std::int64_t until_us = 0, number = 0;
  };
  struct Close { void operator()(sqlite3* db) const { sqlite3_close(db); } };
  struct Finalize { void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); } };
  void RunChanged(const Change& change, Process& writer);
  void RunMade(const Change& change, Process& writer);
  void RunTaken(Run& run, const Change& change, Process& writer);
  void StepChanged(const Change& change, const Process& writer);
  void LeaseChanged(const Change& change, const Process& writer);
  void RequestChanged(const Change& change, Process& writer);
  void RequestClaimed(Request& request, const Change& change, const Process& writer);
  void SlotChanged(const Change& change, const Process& writer);
  void CheckMayTake(const Run& run, const Change& change, const Process& writer);
  void CheckUpstream(const Run& run, const StepSpec& spec);
  const StepSpec* Spec(const Run& run, const std::string& step) const;

  World& world_;
  const Pipelines& pipelines_;
  std::unique_ptr<sqlite3, Close> db_;
  std::unique_ptr<sqlite3_stmt, Finalize> changes_;
  std::int64_t seen_ = 0;
  std::map<std::string, Run> runs_;
  std::map<std::pair<std::string, std::int64_t>, std::string> newest_;   // interval -> run
  std::set<std::string> taken_now_;                                      // runs created or resumed in the transactions that are being read
  const Process* leader_ = nullptr;                                      // took the lease of the server last
  std::map<std::string, Request> requests_;
  std::size_t open_requests_ = 0;
  std::map<std::string, Mark> marks_;
  std::map<std::string, Delivery> deliveries_;
  std::map<std::string, std::set<std::pair<std::string, std::string>>> slots_;   // pool -> (run, step)
};

}  // namespace headrace::simulator
