// The texts of the project templates. Each is a small table of path and text; the made-up data come from template_data.cc, what all
// projects share (.gitignore, schema files) from CommonFiles.

#include "headrace/cli/templates.h"

#include <array>

#include "headrace/base/text.h"

namespace headrace {

namespace {
struct Text {
  std::string_view path, text;
};

constexpr std::string_view kEnvironments = R"~(environments:
  dev: {default: true, deliver: preview}      # tables get a preview file beside; files inside the project are written
  prod: {deliver: live}                       # headrace --env prod run score
retention: {data: 30d, runs: 1y, models: forever}
)~";

constexpr std::array<Text, 8> kChurn = {{
    {"shared/features.yaml", R"~(# What training and scoring have in common stands once, here. A model refuses to score above other queries than these.
params:
  customers: {type: text, description: the file of customers to read}
  as_of: {type: date, description: the day the file was made}
outputs: [features]
steps:
  customers:
    extract: {file: "${params.customers}"}
    checks:
      - contract: contracts/customers.yaml
      - rows: {min: 1000}
      - unique: [customer_id]
      - range: {column: monthly_fee, min: 0, max: 500}
      - {one_of: {column: country, values: [DE, FR, NL, AT, CH]}, severity: warn}
  features:
    sql: {query: sql/features.sql, bind: {as_of: "${params.as_of}"}}
    checks:
      - unique: [customer_id]
      - expect: "tenure_days >= 0"
)~"},
    {"sql/features.sql", R"~(-- One row per customer. Step names are table names; $as_of is bound, never pasted.
select
  customer_id,
  plan,
  country,
  monthly_fee,
  visits_30d,
  tickets_90d,
  date_diff('day', joined_on, $as_of) as tenure_days,
  date_diff('day', last_visit_on, $as_of) as days_since_visit,
  monthly_fee / nullif(visits_30d, 0) as fee_per_visit
from customers
order by customer_id
)~"},
    {"sql/labelled.sql", R"~(-- The customers of the first quarter, and whether they left in the 90 days after it.
select f.*, o.churned
from features f
join outcomes o using (customer_id)
order by f.customer_id
)~"},
    {"pipelines/train.yaml", R"~(name: train
description: Which customers leave within 90 days?
steps:
  base: {use: shared/features.yaml, with: {customers: data/customers_2026_q1.csv, as_of: 2026-03-31}}
  outcomes:
    extract: {file: data/churned_2026_q1.csv}
    checks: [{contract: contracts/churned.yaml}, {unique: [customer_id]}]
  labelled:
    sql: {query: sql/labelled.sql}
  model:
    train:
      data: labelled
      target: churned
      key: [customer_id]                              # orders the rows: same data, same model, bit for bit
      split: {by: hash(customer_id), test: 20%}
      learner: {lightgbm: {objective: binary, num_iterations: 80, num_leaves: 7, min_data_in_leaf: 60}}
      calibrate: isotonic
      threshold: {maximize: f1}
      evaluate: [auc, average_precision, logloss, brier, ece, lift@10%]
      segments: [plan]
    gate: [auc >= 0.7, {not_worse_than: champion, metric: auc, by: 0.01}]
    register: {name: churn, promote: auto}
)~"},
    {"pipelines/score.yaml", R"~(name: score
description: How likely is each of today's customers to leave?
params:
  customers: {type: text, default: data/customers_2026_q2.csv}
  as_of: {type: date, default: 2026-06-30}
steps:
  base: {use: shared/features.yaml, with: {customers: "${params.customers}", as_of: "${params.as_of}"}}
  scores:
    score: {data: features, model: churn@champion, keep: [customer_id, plan]}
    checks: [{expect: "score between 0 and 1"}, {unique: [customer_id]}]
  out:
    deliver: {data: scores, file: out/scores.csv}
)~"},
    {"contracts/customers.yaml", R"~(columns:
  - {name: customer_id, type: int, nullable: false}
  - {name: joined_on, type: date, nullable: false, description: day of the first contract}
  - {name: plan, type: text, nullable: false, description: "basic, plus, team, or legacy (no longer sold)"}
  - {name: country, type: text, description: two letters}
  - {name: monthly_fee, type: double, nullable: false, description: "in euros, after discounts"}
  - {name: visits_30d, type: int, nullable: false, description: visits in the last 30 days}
  - {name: tickets_90d, type: int, nullable: false, description: support tickets in the last 90 days}
  - {name: last_visit_on, type: date, description: day of the last visit; null when never recorded}
)~"},
    {"contracts/churned.yaml", R"~(columns:
  - {name: customer_id, type: int, nullable: false}
  - {name: churned, type: bool, nullable: false, description: left in the 90 days after the quarter}
)~"},
    {"tests/features.yaml", R"~(name: who never came has no fee per visit
pipeline: score
params: {as_of: 2026-06-30}
given:                                          # these rows stand for the file; a column that may be null can be left out
  customers:
    - {customer_id: 1, joined_on: 2026-01-01, plan: basic, monthly_fee: 20, visits_30d: 0, tickets_90d: 0}
    - {customer_id: 2, joined_on: 2026-06-29, plan: team, monthly_fee: 20, visits_30d: 4, tickets_90d: 1, last_visit_on: 2026-06-20}
expect:
  features:                                     # only the columns named here are compared
    - {customer_id: 1, tenure_days: 180, days_since_visit: null, fee_per_visit: null}
    - {customer_id: 2, tenure_days: 1, days_since_visit: 10, fee_per_visit: 5}
)~"},
}};

constexpr std::array<Text, 8> kLeadScoring = {{
    {"shared/features.yaml", R"~(# What training and scoring have in common stands once, here. A model refuses to score above other queries than these.
params:
  leads: {type: text, description: the file of leads to read}
outputs: [features]
steps:
  leads:
    extract: {file: "${params.leads}"}
    checks:
      - contract: contracts/leads.yaml
      - rows: {min: 10}
      - unique: [lead_id]
      - {matches: {column: email, pattern: "[^@ ]+@[^@ ]+"}, at_least: 99%}
      - {one_of: {column: source, values: [search, ads, referral, event, partner, print]}, severity: warn}
  features:
    sql: {query: sql/features.sql}
    checks: [{unique: [lead_id]}]
)~"},
    {"sql/features.sql", R"~(-- One row per lead: what is known on the day it comes in. The address itself is no feature, only whether it is a company's.
select
  lead_id,
  source,
  industry,
  employees,
  pages_viewed,
  demo_requested,
  split_part(email, '@', 2) not in ('freemail.example', 'post.example') as company_email,
  date_part('month', created_on) as month
from leads
order by lead_id
)~"},
    {"sql/labelled.sql", R"~(-- Last year's leads, and which of them became customers.
select f.*, w.won
from features f
join won w using (lead_id)
order by f.lead_id
)~"},
    {"pipelines/train.yaml", R"~(name: train
description: Which leads become customers?
steps:
  base: {use: shared/features.yaml, with: {leads: data/leads_2025.csv}}
  won:
    extract: {file: data/won_2025.csv}
    checks: [{contract: contracts/won.yaml}, {unique: [lead_id]}]
  labelled:
    sql: {query: sql/labelled.sql}
  model:
    train:
      data: labelled
      target: won
      key: [lead_id]                                  # orders the rows: same data, same model, bit for bit
      split: {by: hash(lead_id), test: 20%}
      transform:
        - {columns: [employees], steps: [{impute: median}, {clip: [1%, 99%]}, log1p, {scale: standard}]}
        - {columns: [pages_viewed, month], steps: [{impute: median}, {scale: standard}]}
        - {columns: [source, industry], steps: [{impute: missing}, {encode: onehot, min_frequency: 20, handle_unknown: other}]}
      learner: {logistic: {l2: 1}}
      threshold: {maximize: f1}
      evaluate: [auc, average_precision, logloss, ece, lift@10%]
      segments: [source]
    gate: [auc >= 0.7, {not_worse_than: champion, metric: auc, by: 0.01}]
    register: {name: leads, promote: auto}
)~"},
    {"pipelines/score.yaml", R"~(name: score
description: Which new lead should be called first?
params:
  leads: {type: text, default: data/leads_new.csv}
steps:
  base: {use: shared/features.yaml, with: {leads: "${params.leads}"}}
  scores:
    score: {data: features, model: leads@champion, keep: [lead_id, source]}
    checks: [{expect: "score between 0 and 1"}, {unique: [lead_id]}]
  out:
    deliver: {data: scores, file: out/scores.csv}
)~"},
    {"contracts/leads.yaml", R"~(columns:
  - {name: lead_id, type: int, nullable: false}
  - {name: created_on, type: date, nullable: false, description: day the lead came in}
  - {name: email, type: text, nullable: false, personal: true, description: masked wherever rows are shown}
  - {name: source, type: text, nullable: false, description: "search, ads, referral, event, partner, print"}
  - {name: industry, type: text, description: as the lead says}
  - {name: employees, type: int, description: size of the company; null when not told}
  - {name: pages_viewed, type: int, nullable: false, description: pages seen before the form was sent}
  - {name: demo_requested, type: bool, nullable: false}
)~"},
    {"contracts/won.yaml", R"~(columns:
  - {name: lead_id, type: int, nullable: false}
  - {name: won, type: bool, nullable: false, description: became a customer}
)~"},
    {"tests/features.yaml", R"~(name: an address of a mail provider is no company's
pipeline: score
given:                                          # these rows stand for the file; a column that may be null can be left out
  leads:
    - {lead_id: 1, created_on: 2026-03-31, email: a@freemail.example, source: ads, pages_viewed: 3, demo_requested: false}
    - {lead_id: 2, created_on: 2026-04-01, email: b@works.example, source: event, pages_viewed: 8, demo_requested: true}
expect:
  features:                                     # only the columns named here are compared
    - {lead_id: 1, company_email: false, month: 3, employees: null}
    - {lead_id: 2, company_email: true, month: 4, employees: null}
)~"},
}};

constexpr std::array<Text, 10> kForecast = {{
    {"shared/features.yaml", R"~(# What training and scoring have in common stands once, here. A model refuses to score above other queries than these.
params:
  as_of: {type: date or dataset, description: the Mondays to forecast for; nothing on or after a Monday is read for it but the plan}
outputs: [features, sales]
steps:
  sales:
    extract: {file: data/sales.csv}
    checks:
      - contract: contracts/sales.yaml
      - rows: {min: 1000}
      - unique: [store_id, week]
      - expect: "revenue >= 0"
  plan:
    extract: {file: data/plan.csv}
    checks: [{contract: contracts/plan.yaml}, {unique: [store_id, week]}]
  stores:
    extract: {file: data/stores.csv}
    checks: [{contract: contracts/stores.yaml}, {unique: [store_id]}]
  features:
    sql: {query: sql/features.sql}
    checks: [{unique: [store_id, week]}, {not_null: [promo, holiday]}]
)~"},
    {"sql/features.sql", R"~(-- One row per store and week: what is planned for the week, and what was sold in the weeks before it.
select
  p.store_id,
  p.week,
  p.promo,
  p.holiday,
  t.region,
  t.size_m2,
  date_part('month', p.week) as month,
  max(s.revenue) filter (where s.week = p.week - interval 7 day) as revenue_1w,
  avg(s.revenue) filter (where s.week >= p.week - interval 28 day) as revenue_4w,
  avg(s.revenue) filter (where s.week >= p.week - interval 91 day) as revenue_13w,
  max(s.revenue) filter (where s.week = p.week - interval 364 day) as revenue_last_year,
  avg(s.visitors) filter (where s.week >= p.week - interval 28 day) as visitors_4w
from as_of d
join plan p on p.week = d.as_of
join stores t on t.store_id = p.store_id
left join sales s on s.store_id = p.store_id and s.week < p.week and s.week >= p.week - interval 364 day
group by p.store_id, p.week, p.promo, p.holiday, t.region, t.size_m2
order by p.store_id, p.week
)~"},
    {"sql/weeks.sql", R"~(-- The Mondays to learn from.
select cast(unnest(generate_series($first, $last, interval 7 day)) as date) as as_of
)~"},
    {"sql/labelled.sql", R"~(-- What the stores then took in those weeks. A week without a row is one in which the store was closed.
select f.*, s.revenue
from features f
join sales s using (store_id, week)
order by f.store_id, f.week
)~"},
    {"pipelines/train.yaml", R"~(name: train
description: What will each store take in the coming week?
params:
  first: {type: date, default: 2024-04-01}
  last: {type: date, default: 2025-12-22}
steps:
  weeks:
    sql: {query: sql/weeks.sql, bind: {first: "${params.first}", last: "${params.last}"}}
  base: {use: shared/features.yaml, with: {as_of: weeks}}
  labelled:
    sql: {query: sql/labelled.sql}
  model:
    train:
      data: labelled
      target: revenue
      key: [store_id, week]                           # orders the rows: same data, same model, bit for bit
      split: {by: week, test: 20%}                    # the newest weeks are the test
      learner: {lightgbm: {objective: regression, num_iterations: 150, num_leaves: 15, min_data_in_leaf: 20}}
      evaluate: [rmse, mae, r2, mape]
      segments: [region]
    gate: [r2 >= 0.5, {not_worse_than: champion, metric: mae, by: 500}]
    register: {name: revenue, promote: auto}
)~"},
    {"pipelines/score.yaml", R"~(name: score
description: The forecast for one week, store by store.
params:
  week: {type: date, default: 2025-12-29, description: a Monday of data/plan.csv}
steps:
  base: {use: shared/features.yaml, with: {as_of: "${params.week}"}}
  scores:
    score: {data: features, model: revenue@champion, keep: [store_id, week]}
    checks: [{expect: "score >= 0"}, {unique: [store_id, week]}]
  out:
    deliver: {data: scores, file: out/scores.csv}
)~"},
    {"contracts/sales.yaml", R"~(columns:
  - {name: store_id, type: int, nullable: false}
  - {name: week, type: date, nullable: false, description: its Monday}
  - {name: visitors, type: int, description: people through the door; null when the counter failed}
  - {name: revenue, type: double, nullable: false, description: in euros}
)~"},
    {"contracts/plan.yaml", R"~(columns:
  - {name: store_id, type: int, nullable: false}
  - {name: week, type: date, nullable: false, description: its Monday}
  - {name: promo, type: bool, nullable: false, description: a promotion runs in the week}
  - {name: holiday, type: bool, nullable: false, description: one of the four weeks around the holidays}
)~"},
    {"contracts/stores.yaml", R"~(columns:
  - {name: store_id, type: int, nullable: false}
  - {name: region, type: text, nullable: false}
  - {name: opened_on, type: date, nullable: false}
  - {name: size_m2, type: int, description: null when never measured}
)~"},
    {"tests/features.yaml", R"~(name: what is sold in the week itself is not known before it
pipeline: score
params: {week: 2025-12-29}
given:                                          # these rows stand for the files; a column that may be null can be left out
  sales:
    - {store_id: 1, week: 2025-12-15, revenue: 300}
    - {store_id: 1, week: 2025-12-22, revenue: 100}
    - {store_id: 1, week: 2025-12-29, revenue: 999}     # the week to forecast
  plan:
    - {store_id: 1, week: 2025-12-29, promo: true, holiday: true}
    - {store_id: 2, week: 2025-12-29, promo: false, holiday: true}
  stores:
    - {store_id: 1, region: north, opened_on: 2020-01-01}
    - {store_id: 2, region: south, opened_on: 2025-12-29}
expect:
  features:                                     # only the columns named here are compared
    - {store_id: 1, week: 2025-12-29, promo: true, revenue_1w: 100, revenue_4w: 200}
    - {store_id: 2, week: 2025-12-29, promo: false, revenue_1w: null, revenue_4w: null}
)~"},
}};

constexpr std::array<Text, 2> kBlank = {{
    {"pipelines/first.yaml", R"~(name: first
description: One query, one file. Replace both.
steps:
  rows:
    sql:
      query: |
        select n as id, n * n as square from range(1, 11) as numbers(n)
    checks: [{rows: {min: 1}}, {unique: [id]}]
  out:
    deliver: {data: rows, file: out/rows.csv}

# With a table of your own:
#   customers: {extract: {file: data/customers.csv}}
#   model:     {train: {data: customers, target: churned}}
#   scores:    {score: {data: customers, model: model}}
)~"},
    {"tests/rows.yaml", R"~(name: every number comes with its square
pipeline: first
expect:
  out:                                          # what would be delivered
    checks: [{rows: {min: 10, max: 10}}, {expect: "square = id * id"}]
)~"},
}};

constexpr std::array<ProjectTemplate, 4> kTemplates = {{
    {"churn", "which customers leave? two quarters of made-up customers, boosted trees, calibrated"},
    {"lead_scoring", "which lead should be called first? made-up leads, logistic regression"},
    {"forecast", "what will each store take next week? made-up weekly sales, boosted trees"},
    {"blank", "no data: one query, one file, to begin from"},
}};

/// What `headrace schema` calls the file at `path`; "" for no project file.
std::string_view KindOf(std::string_view path) {
  if (path == "headrace.yaml") return "project";
  if (path.starts_with("pipelines/")) return "pipeline";
  if (path.starts_with("shared/")) return "shared";
  if (path.starts_with("contracts/")) return "contract";
  if (path.starts_with("tests/")) return "test";
  return "";
}

std::string Readme(const ProjectTemplate& project) {
  if (project.name == "blank")
    return "# A Headrace project\n\n```\nheadrace validate\nheadrace test            # the project's own tests\nheadrace run first       # writes out/rows.csv\nheadrace report          # what happened, as a page\n```\n";
  return StrCat("# ", project.name, "\n\n", static_cast<char>(project.description[0] - 'a' + 'A'), project.description.substr(1), ".\n\n",
                "```\nheadrace validate        # every error of the files at once\n"
                "headrace test            # the project's own tests: given rows in, expected rows out\n"
                "headrace run train       # fits the model, measures it on rows held back, and makes it champion when the gate passes\n"
                "headrace run score       # applies the champion; writes out/scores.csv\n```\n\n"
                "`headrace run train` again does nothing new: equal inputs are reused. Change a query or a parameter and `headrace plan train` says\n"
                "what would run, and why. `headrace report` writes a page about a run; `headrace models list` lists the models.\n\n"
                "| where | what |\n| --- | --- |\n"
                "| `headrace.yaml` | environments, how long things are kept |\n"
                "| `pipelines/` | one pipeline a file |\n"
                "| `shared/features.yaml`, `sql/` | what training and scoring have in common |\n"
                "| `contracts/` | what each input must look like |\n"
                "| `tests/` | given rows, and what must come of them |\n"
                "| `data/` | made-up rows; put your own in their place |\n");
}
}  // namespace

std::span<const ProjectTemplate> ProjectTemplates() { return kTemplates; }

std::vector<NewFile> CommonFiles(std::string_view project) {
  const std::string path = "headrace.yaml";
  return {{path, StrCat(SchemaLine("project", path), "name: ", project, "\n", kEnvironments)},
          {".gitignore", "/out/\n/report-*.html\n/.headrace/*\n!/.headrace/schema/\n"}};
}

Result<std::vector<NewFile>> TemplateFiles(std::string_view name) {
  std::vector<std::string> names;
  const ProjectTemplate* found = nullptr;
  for (const ProjectTemplate& project : kTemplates) {
    names.emplace_back(project.name);
    if (project.name == name) found = &project;
  }
  if (found == nullptr) {
    const std::string near = NearestName(ReplaceAll(name, "-", "_"), names);
    return Error(ErrorCode::kInvalid, "there is no template `", name, "`", near.empty() ? "" : StrCat("; did you mean `", near, "`?"))
        .WithHelp(StrCat("the templates are ", Join(names, ", "), "; the folder comes second: `headrace init ", names.front(), " DIR`"));
  }
  std::vector<NewFile> files = CommonFiles(name);
  std::span<const Text> texts = kBlank;
  std::vector<NewFile> data;
  if (name == "churn") texts = kChurn, data = ChurnData();
  if (name == "lead_scoring") texts = kLeadScoring, data = LeadScoringData();
  if (name == "forecast") texts = kForecast, data = ForecastData();
  for (const Text& text : texts) {
    const std::string_view kind = KindOf(text.path);
    files.push_back({std::string(text.path), StrCat(kind.empty() ? "" : SchemaLine(kind, text.path), text.text)});
  }
  files.push_back({"README.md", Readme(*found)});
  files.insert(files.end(), data.begin(), data.end());
  return files;
}

}  // namespace headrace
