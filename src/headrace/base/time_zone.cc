// Howard Hinnant's date library reads the system's database (compiled files of /usr/share/zoneinfo). Of it only the one
// question "which offset holds at this moment, since when and until when" is used: what to do about local times that are
// missing or repeated is a policy of the schedule, not of the library.
#include "headrace/base/time_zone.h"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <exception>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using date::sys_seconds;
using std::chrono::seconds;

/// Files of the database's folder that are no places: their meaning depends on the machine, or on nothing.
constexpr std::array<std::string_view, 3> kNoPlaces = {"Factory", "localtime", "posixrules"};

/// What was likely meant: a zone that ends in the word ("berlin"), or one that differs by a letter or two.
std::string NearZone(std::string_view word) {
  std::vector<std::string> names;
  std::string of_place;
  for (const date::time_zone& zone : date::get_tzdb().zones) {
    names.push_back(zone.name());
    const std::string_view place = std::string_view(zone.name()).substr(zone.name().rfind('/') + 1);
    if (of_place.empty() && ToLower(place) == ToLower(ReplaceAll(word, " ", "_"))) of_place = zone.name();
  }
  return of_place.empty() ? NearestName(word, names) : of_place;
}

/// Databases in the "slim" form leave out all changes that follow a rule, and the library reads no rules: New York would
/// have no summer after 2007. Asking once is cheaper than being wrong for half of each year.
bool ListsEveryChange() {
  const sys_seconds summer{seconds{1'909'440'000}};  // 2030-07-05
  return date::locate_zone("America/New_York")->get_info(summer).offset == std::chrono::hours{-4};
}

}  // namespace

Result<TimeZone> TimeZone::Find(std::string_view name) {
  try {
    static const bool whole = ListsEveryChange();
    if (!whole)
      return Error(ErrorCode::kInvalid, "this machine's time-zone database is in the slim form, which lists no future clock changes")
          .WithHelp("install the full one (Debian: tzdata; elsewhere: compiled by `zic -b fat`)");
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInvalid, "cannot read this machine's time-zone database: ", error.what()).WithHelp("install it (Debian: tzdata)");
  }
  try {
    if (std::find(kNoPlaces.begin(), kNoPlaces.end(), name) == kNoPlaces.end()) {
      const date::time_zone* zone = date::locate_zone(name);
      zone->get_info(sys_seconds{});  // reads the file: some are no zones
      return TimeZone(std::string(name), zone);
    }
  } catch (const std::exception&) {
    // Not in the database: said below.
  }
  const std::string near = NearZone(name);
  return Error(ErrorCode::kInvalid, "no time zone `", name, "`; expected a name of the IANA database")
      .WithHelp(near.empty() ? "write a name like `Europe/Berlin`, `America/New_York` or `UTC`" : StrCat("did you mean `", near, "`?"));
}

OffsetSpan TimeZone::At(std::int64_t utc_s) const {
  const date::sys_info info = zone_->get_info(sys_seconds{seconds{utc_s}});
  return {info.begin.time_since_epoch().count(), info.end.time_since_epoch().count(), info.offset.count(), info.abbrev};
}

std::int64_t TimeZone::ToUtc(std::int64_t local_s) const {
  OffsetSpan span = At(local_s - kLongestOverlap_s);
  while (local_s >= span.end_s + span.offset_s) span = At(span.end_s);
  return std::max(span.begin_s, local_s - span.offset_s);
}

}  // namespace headrace
