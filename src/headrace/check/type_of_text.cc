// Whether a text has the form that is meant. Forms are judged by their published grammar, codes by the lists of their standards (ISO 4217 of 2026 with the
// fund and metal codes, ISO 3166-1 alpha-2); nothing is looked up.

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>

#include "headrace/base/text.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

constexpr std::string_view kCurrencies =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE "
    "CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW "
    "KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR "
    "PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU "
    "UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG ";

constexpr std::string_view kCountries =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU "
    "CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE "
    "IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT "
    "MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM "
    "SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW ";

bool Listed(std::string_view list, std::string_view code, std::size_t length) {
  if (code.size() != length) return false;
  for (std::size_t at = 0; at < list.size(); at += length + 1)
    if (list.substr(at, length) == code) return true;
  return false;
}

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 128; }

/// Labels of letters, digits and hyphens, joined by dots, none longer than 63 bytes (RFC 1035), or longer than 253 in all. Letters beyond ASCII are taken as they are.
bool IsHost(std::string_view host, bool needs_dot) {
  if (host.empty() || host.size() > 253 || (needs_dot && host.find('.') == std::string_view::npos)) return false;
  for (const std::string_view label : Split(host, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return IsWordByte(c) || c == '-'; })) return false;
  }
  return true;
}

/// A dot-atom of RFC 5322 before the @ (no quoted form, which nobody's mailbox has), a host with a dot after it; at most 254 bytes.
bool IsEmail(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || text.size() > 254) return false;
  const std::string_view local = text.substr(0, at);
  if (local.empty() || local.size() > 64 || local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  const auto allowed = [](char c) { return IsWordByte(c) || std::string_view(".!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos; };
  return std::all_of(local.begin(), local.end(), allowed) && IsHost(text.substr(at + 1), true);
}

/// http or https, a host or [address], perhaps a port; no white space, control byte, <, > or ".
bool IsUrl(std::string_view text) {
  const std::string lower = ToLower(text.substr(0, 8));
  const std::size_t begin = lower.starts_with("https://") ? 8 : lower.starts_with("http://") ? 7 : 0;
  if (begin == 0) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 127 && c != '<' && c != '>' && c != '"'; })) return false;
  std::string_view host = text.substr(begin, text.find_first_of("/?#", begin) - begin);
  if (const std::size_t user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);
  const bool address = host.starts_with('[');
  const std::size_t colon = host.find(':', address ? host.find(']') : 0);
  if (colon != std::string_view::npos) {
    std::int64_t port = 0;
    if (!ParseInt(host.substr(colon + 1), &port) || port < 0 || port > 65535) return false;
    host = host.substr(0, colon);
  }
  if (!address) return IsHost(host, false);
  return host.size() > 4 && host.ends_with(']') && host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

/// yyyy-mm-dd, a day that exists.
bool IsIsoDate(std::string_view text) { return text.size() == 10 && text[4] == '-' && text[7] == '-' && ParseDate(text).ok(); }
bool IsCurrency(std::string_view text) { return Listed(kCurrencies, text, 3); }
bool IsCountry(std::string_view text) { return Listed(kCountries, text, 2); }

struct Form {
  const char* name;
  const char* what;
  bool (*is)(std::string_view);
};
constexpr std::array<Form, 5> kForms = {{{"email", "an e-mail address", IsEmail}, {"url", "an http(s) URL", IsUrl}, {"iso_date", "an ISO 8601 date", IsIsoDate},
                                         {"currency", "a currency code of ISO 4217", IsCurrency}, {"country", "a country code of ISO 3166-1 alpha-2", IsCountry}}};

class TypeOfText : public RowCheck {
 public:
  TypeOfText(const CheckSpec& spec, std::size_t at, const Form& form) : RowCheck(spec.columns), at_(at), form_(form) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<TypeOfText>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    const Column& column = block.column(at_);
    for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = column.IsNull(i) || form_.is(column.text(i)) ? 0 : 1;
    return Ok();
  }
  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    return StrCat("column `", columns()[0], "`: ", RowsThat(failed, rows, "is", "are"), " not ", form_.what);
  }
  bool by_value() const override { return true; }

 private:
  std::size_t at_;
  const Form& form_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeTypeOfText(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  if (schema[at].type != Type::kText)
    return Error(ErrorCode::kInvalid, "`type_of_text` needs a column of text; `", schema[at].name, "` is ", TypeName(schema[at].type)).WithHelp("use `range` or `one_of`");
  for (const Form& form : kForms)
    if (spec.form == form.name) return std::unique_ptr<RowCheck>(std::make_unique<TypeOfText>(spec, at, form));
  return Error(ErrorCode::kInvalid, "`is` should be one of ", Join(TextForms(), ", "), ", got `", spec.form, "`");
}

}  // namespace headrace::internal
