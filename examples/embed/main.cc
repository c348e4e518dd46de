// A pipeline in code: transforms and a learner are fitted on a table of customers; then the model scores the table, and one row as it comes in.

#include <fstream>
#include <iostream>

#include "headrace/model/row_scorer.h"
#include "headrace/model/train.h"

using namespace headrace;

/// Made up: who visits seldom leaves.
Table Customers() {
  ColumnBuilder id(Type::kInt), visits(Type::kInt), spend(Type::kDouble), country(Type::kText), churned(Type::kBool);
  for (std::int64_t i = 0; i < 1000; ++i) {
    id.AppendInt(i);
    visits.AppendInt(i * 37 % 11);
    if (i % 17 == 0) spend.AppendNull();
    else spend.AppendDouble(static_cast<double>(i * 53 % 101));
    country.AppendText(i % 3 == 0 ? "AT" : "DE");
    churned.AppendInt(i * 37 % 11 + i % 5 < 6);
  }
  return Table(Schema({{"id", Type::kInt}, {"visits", Type::kInt}, {"spend", Type::kDouble}, {"country", Type::kText}, {"churned", Type::kBool}}),
               {id.Finish(), visits.Finish(), spend.Finish(), country.Finish(), churned.Finish()}, 1000);
}

Status Run(const std::string& file) {
  TrainSpec spec;
  spec.target = "churned";
  spec.key = {"id"};
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  spec.transform = {{.columns = {"visits", "spend"}, .steps = {ImputeStep{}, ScaleStep{}}, .derive = {}},
                    {.columns = {"country"}, .steps = {EncodeStep{}}, .derive = {}}};
  spec.learner.kind = LearnerSpec::Kind::kLogistic;
  spec.learner.given = true;
  const Table customers = Customers();
  ASSIGN_OR_RETURN(const TrainOutput trained, Train(customers, spec, {}));
  std::cout << "auc on " << trained.evaluation.test_rows << " test rows: " << trained.evaluation.metrics.at("auc") << "\n";
  ASSIGN_OR_RETURN(const Table scores, trained.model->scorer().Score(customers, nullptr));
  std::cout.precision(17);
  std::cout << "the first of " << scores.num_rows() << ": " << scores.Find("score")->doubles()[0] << "\n";
  ASSIGN_OR_RETURN(RowScorer row_scorer, RowScorer::Bind(trained.model, Schema({{"visits", Type::kInt}, {"spend", Type::kDouble}, {"country", Type::kText}})));
  const Value row[] = {Value::Int(0), Value::Null(Type::kDouble), Value::Text("AT")};
  ASSIGN_OR_RETURN(const std::span<const double> score, row_scorer.Score(row));
  std::cout << "one row: " << score[0] << "\n";
  std::ofstream(file, std::ios::binary) << trained.model->bytes();   // `headrace score FILE DATA` scores with it too
  return Ok();
}

int main(int argc, char** argv) {
  const Status status = Run(argc > 1 ? argv[1] : "churn.model");
  if (!status.ok()) std::cerr << status << "\n";
  return ExitCode(status.code());
}
