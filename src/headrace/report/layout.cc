#include "headrace/report/layout.h"

#include <algorithm>
#include <tuple>

namespace headrace {
namespace {

constexpr int kSweeps = 8;

/// A node, or the place of an edge in a layer that it only passes.
struct Vertex {
  std::size_t layer = 0;
  double size = 0;                       ///< across
  double center = 0;                     ///< across
  std::vector<std::size_t> before, after;  ///< neighbours in the layers next to it
};

struct Path { std::size_t from, to; std::vector<std::size_t> through; };

class Layered {
 public:
  Layered(const std::vector<std::vector<std::size_t>>& inputs, const LayoutSizes& sizes)
      : sizes_(sizes), count_(inputs.size()), vertices_(inputs.size()) {
    AssignLayers(inputs);
    for (Vertex& vertex : vertices_) vertex.size = sizes.node_across;
    AddEdges(inputs);
    layers_.resize(layer_count_);
    for (std::size_t v = 0; v < vertices_.size(); ++v) layers_[vertices_[v].layer].push_back(v);
  }

  GraphLayout Run() {
    Order();
    Place();
    return Read();
  }

 private:
  /// Longest path, in topological order; a node on a cycle waits for the first of its cycle to be taken by number.
  void AssignLayers(const std::vector<std::vector<std::size_t>>& inputs) {
    std::vector<bool> done(count_, false);
    rank_.assign(count_, 0);
    for (std::size_t taken = 0; taken < count_; ++taken) {
      const std::size_t v = NextNode(inputs, done);
      std::size_t layer = 0;
      for (std::size_t input : inputs[v])
        if (input < count_ && done[input]) layer = std::max(layer, vertices_[input].layer + 1);
      vertices_[v].layer = layer;
      layer_count_ = std::max(layer_count_, layer + 1);
      done[v] = true;
      rank_[v] = taken;
    }
    // A source stands right before what reads it, so that no edge is longer than it must be.
    for (std::size_t v = 0; v < count_; ++v) {
      const bool source = std::none_of(inputs[v].begin(), inputs[v].end(), [&](std::size_t i) { return i < count_ && i != v; });
      if (!source) continue;
      std::size_t nearest = layer_count_;
      for (std::size_t w = 0; w < count_; ++w)
        if (w != v && std::find(inputs[w].begin(), inputs[w].end(), v) != inputs[w].end()) nearest = std::min(nearest, vertices_[w].layer);
      if (nearest != layer_count_ && nearest > 0) vertices_[v].layer = nearest - 1;
    }
  }

  std::size_t NextNode(const std::vector<std::vector<std::size_t>>& inputs, const std::vector<bool>& done) const {
    std::size_t fallback = count_;
    for (std::size_t v = 0; v < count_; ++v) {
      if (done[v]) continue;
      if (fallback == count_) fallback = v;
      if (std::all_of(inputs[v].begin(), inputs[v].end(), [&](std::size_t i) { return i >= count_ || i == v || done[i]; })) return v;
    }
    return fallback;
  }

  void AddEdges(const std::vector<std::vector<std::size_t>>& inputs) {
    for (std::size_t to = 0; to < count_; ++to) {
      std::vector<std::size_t> sources = inputs[to];
      std::sort(sources.begin(), sources.end());
      sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
      for (std::size_t from : sources) {
        if (from >= count_ || from == to || rank_[from] > rank_[to] || vertices_[from].layer >= vertices_[to].layer) continue;
        Path path{from, to, {}};
        std::size_t last = from;
        for (std::size_t layer = vertices_[from].layer + 1; layer < vertices_[to].layer; ++layer) {
          vertices_.push_back({layer, sizes_.gap_across / 2, 0, {}, {}});
          path.through.push_back(vertices_.size() - 1);
          Connect(last, vertices_.size() - 1);
          last = vertices_.size() - 1;
        }
        Connect(last, to);
        paths_.push_back(std::move(path));
      }
    }
  }

  void Connect(std::size_t a, std::size_t b) {
    vertices_[a].after.push_back(b);
    vertices_[b].before.push_back(a);
  }

  void Order() {
    std::vector<double> at(vertices_.size());
    const auto number = [&](const std::vector<std::size_t>& layer) {
      for (std::size_t i = 0; i < layer.size(); ++i)
        at[layer[i]] = (static_cast<double>(i) + 0.5) / static_cast<double>(layer.size());
    };
    for (const auto& layer : layers_) number(layer);
    const auto sort_layer = [&](std::vector<std::size_t>& layer, bool forward) {
      std::vector<std::tuple<double, std::size_t, std::size_t>> keyed;   // mean place, place so far, vertex
      for (std::size_t v : layer) {
        const auto& neighbours = forward ? vertices_[v].before : vertices_[v].after;
        double sum = 0;
        for (std::size_t n : neighbours) sum += at[n];
        keyed.emplace_back(neighbours.empty() ? at[v] : sum / static_cast<double>(neighbours.size()), keyed.size(), v);
      }
      std::sort(keyed.begin(), keyed.end());
      for (std::size_t i = 0; i < layer.size(); ++i) layer[i] = std::get<2>(keyed[i]);
      number(layer);
    };
    std::size_t best = Crossings();
    auto best_layers = layers_;
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      if (sweep % 2 == 0) for (std::size_t l = layer_count_; l-- > 0;) sort_layer(layers_[l], false);
      else for (auto& layer : layers_) sort_layer(layer, true);
      if (const std::size_t crossings = Crossings(); crossings < best) {
        best = crossings;
        best_layers = layers_;
      }
    }
    layers_ = std::move(best_layers);
  }

  std::size_t Crossings() const {
    std::vector<std::size_t> index(vertices_.size());
    for (const auto& layer : layers_)
      for (std::size_t i = 0; i < layer.size(); ++i) index[layer[i]] = i;
    std::size_t crossings = 0;
    for (const auto& layer : layers_)
      for (std::size_t i = 0; i < layer.size(); ++i)
        for (std::size_t j = i + 1; j < layer.size(); ++j)
          for (std::size_t a : vertices_[layer[i]].after)
            for (std::size_t b : vertices_[layer[j]].after) crossings += index[b] < index[a] ? 1u : 0u;
    return crossings;
  }

  void Place() {
    for (auto& layer : layers_) {
      double at = 0;
      for (std::size_t v : layer) {
        vertices_[v].center = at + vertices_[v].size / 2;
        at += vertices_[v].size + sizes_.gap_across;
      }
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      if (sweep % 2 == 0) for (std::size_t l = 0; l < layer_count_; ++l) PlaceLayer(layers_[l], sweep + 2 >= kSweeps ? 3 : 1);
      else for (std::size_t l = layer_count_; l-- > 0;) PlaceLayer(layers_[l], sweep + 2 >= kSweeps ? 3 : 2);
    }
  }

  /// Move a layer's vertices to the mean of their neighbours (`sides`: 1 = before, 2 = after, 3 = both), kept in order and apart:
  /// minimise the squared distances by pooling adjacent violators on positions less the room taken before each.
  void PlaceLayer(const std::vector<std::size_t>& layer, int sides) {
    struct Block { double sum, weight; std::size_t size; };
    std::vector<Block> blocks;
    std::vector<double> offset(layer.size(), 0);
    for (std::size_t i = 0; i < layer.size(); ++i) {
      const Vertex& vertex = vertices_[layer[i]];
      if (i > 0) offset[i] = offset[i - 1] + (vertices_[layer[i - 1]].size + vertex.size) / 2 + sizes_.gap_across;
      double sum = 0, number = 0;
      if (sides & 1) for (std::size_t n : vertex.before) sum += vertices_[n].center, number += 1;
      if (sides & 2) for (std::size_t n : vertex.after) sum += vertices_[n].center, number += 1;
      const double wish = (number > 0 ? sum / number : vertex.center) - offset[i];
      blocks.push_back({wish, 1, 1});
      while (blocks.size() > 1 && blocks[blocks.size() - 2].sum / blocks[blocks.size() - 2].weight >= blocks.back().sum / blocks.back().weight) {
        const Block last = blocks.back();
        blocks.pop_back();
        blocks.back() = {blocks.back().sum + last.sum, blocks.back().weight + last.weight, blocks.back().size + last.size};
      }
    }
    std::size_t i = 0;
    for (const Block& block : blocks)
      for (std::size_t k = 0; k < block.size; ++k, ++i) vertices_[layer[i]].center = block.sum / block.weight + offset[i];
  }

  GraphLayout Read() const {
    GraphLayout layout;
    double low = 0, high = 0;
    for (std::size_t v = 0; v < vertices_.size(); ++v) {
      const double begin = vertices_[v].center - vertices_[v].size / 2, end = begin + vertices_[v].size;
      low = v == 0 ? begin : std::min(low, begin);
      high = v == 0 ? end : std::max(high, end);
    }
    const double pitch = sizes_.node_along + sizes_.gap_along;
    for (std::size_t v = 0; v < count_; ++v)
      layout.nodes.push_back({vertices_[v].layer, static_cast<double>(vertices_[v].layer) * pitch,
                              vertices_[v].center - vertices_[v].size / 2 - low});
    for (const Path& path : paths_) {
      GraphLayout::Edge edge{path.from, path.to, {}};
      const auto add = [&](std::size_t v, double along) { edge.points.emplace_back(along, vertices_[v].center - low); };
      add(path.from, layout.nodes[path.from].along + sizes_.node_along);
      for (std::size_t v : path.through) {
        add(v, static_cast<double>(vertices_[v].layer) * pitch);
        add(v, static_cast<double>(vertices_[v].layer) * pitch + sizes_.node_along);
      }
      add(path.to, layout.nodes[path.to].along);
      layout.edges.push_back(std::move(edge));
    }
    layout.length = layer_count_ == 0 ? 0 : static_cast<double>(layer_count_) * pitch - sizes_.gap_along;
    layout.breadth = high - low;
    return layout;
  }

  const LayoutSizes sizes_;
  const std::size_t count_;
  std::size_t layer_count_ = 0;
  std::vector<Vertex> vertices_;
  std::vector<std::size_t> rank_;
  std::vector<Path> paths_;
  std::vector<std::vector<std::size_t>> layers_;
};

}  // namespace

GraphLayout LayOutGraph(const std::vector<std::vector<std::size_t>>& inputs, const LayoutSizes& sizes) {
  return Layered(inputs, sizes).Run();
}

}  // namespace headrace
