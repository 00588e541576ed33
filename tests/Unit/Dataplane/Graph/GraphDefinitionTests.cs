using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Xunit;

namespace Gateway.Unit.Dataplane.Graph;

public sealed class GraphDefinitionTests
{
    [Fact]
    public void Every_edge_of_the_standard_graph_leads_to_a_node()
    {
        var graph = StandardGraph.Create();
        var names = graph.Nodes.Select(n => n.Info.Name).ToHashSet();
        Assert.Empty(graph.Nodes.SelectMany(n => n.Info.Edges).Where(e => !names.Contains(e)).Distinct());
    }

    [Fact]
    public void Every_drop_and_count_has_a_sentence()
    {
        var graph = StandardGraph.Create();
        Assert.All(graph.Drops.Concat(graph.Counts), r => Assert.Matches("^[A-Z].{10,}\\.$", r.Row.Sentence));
        Assert.Equal(graph.Drops.Length, graph.Drops.Select(d => (d.Node, d.Row.Name)).Distinct().Count());
    }

    [Fact]
    public void Edges_to_an_absent_node_end_in_a_counted_drop()
    {
        var graph = new GraphDefinition([NodeRegistration.Of<Ip4Input>()]);
        Assert.All(graph.EdgeTargets[graph.Find(NodeNames.Ip4Input)], to => Assert.Equal(GraphDefinition.DropNode, to));
    }

    private enum Wrong : ushort
    {
        One,
        Two,
    }

    [Fact]
    public void A_table_that_misses_a_row_is_refused()
    {
        Assert.Throws<InvalidOperationException>(() => NodeInfo.Of("x", [(Wrong.One, "a")]));
        Assert.Throws<InvalidOperationException>(() => NodeInfo.Of("x", [(Wrong.Two, "a"), (Wrong.One, "b")]));
    }
}
