#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/base/status.h"

namespace date { class time_zone; }

namespace headrace {

/// A stretch of time through which a zone keeps one offset from UTC: [begin_s, end_s), seconds since 1970-01-01 00:00:00 UTC.
struct OffsetSpan {
  std::int64_t begin_s = 0, end_s = 0;
  std::int64_t offset_s = 0;             ///< local time = UTC + offset
  std::string abbreviation;              ///< "CET"
};

/// A zone of the machine's time-zone database, by its IANA name. Local times are counted like UTC ones: seconds since
/// 1970-01-01 00:00:00 on the zone's own wall clock.
///
/// Two neighbouring spans may have the same offset (only the name or the law changed). An offset may hold seconds (before 1972).
///
/// Threads: immutable; any number may ask.
class TimeZone {
 public:
  /// kInvalid when the database has no zone of that name (with the one that was likely meant), or is not usable.
  static Result<TimeZone> Find(std::string_view name);

  const std::string& name() const { return name_; }
  OffsetSpan At(std::int64_t utc_s) const;
  std::int64_t ToLocal(std::int64_t utc_s) const { return utc_s + At(utc_s).offset_s; }
  /// The first moment at which the wall clock shows `local_s` or more: for a local time that comes twice the first of the
  /// two, for one that does not exist the moment the clock jumps over it.
  std::int64_t ToUtc(std::int64_t local_s) const;

  /// 2038-01-01 UTC: compiled databases list clock changes up to 2037, so nothing is said about later times.
  static constexpr std::int64_t kKnownUntil_s = 2'145'916'800;
  /// Two moments with the same local time are never further apart.
  static constexpr std::int64_t kLongestOverlap_s = 48 * 3600;

 private:
  TimeZone(std::string name, const date::time_zone* zone) : name_(std::move(name)), zone_(zone) {}
  std::string name_;
  const date::time_zone* zone_;          ///< owned by the library's database, which lives as long as the program
};

}  // namespace headrace
