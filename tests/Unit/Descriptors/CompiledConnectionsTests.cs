using Gateway.Host.Descriptors;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Descriptors;

/// <summary>What the engine, the descriptor and the start share of a connection.</summary>
public sealed class CompiledConnectionsTests
{
    private static readonly AuthenticationRound _psk = new() { Id = "left.lab" };

    [Fact]
    public void An_item_gives_the_same_connection_each_time_and_a_changed_one_another()
    {
        var compiled = new CompiledConnections();
        var item = Item(new ConnectionSpec { Local = [_psk], Remote = [_psk] });
        Assert.True(compiled.TryGet(item, out var first, out _));
        Assert.True(compiled.TryGet(item, out var again, out _));
        Assert.Same(first, again);
        // Equal is not the same: the item was put anew.
        Assert.True(compiled.TryGet(Item(new ConnectionSpec { Local = [_psk], Remote = [_psk] }), out var other, out _));
        Assert.NotSame(first, other);
    }

    [Fact]
    public void What_cannot_be_used_says_the_same_sentence_each_time()
    {
        var compiled = new CompiledConnections();
        var item = Item(new ConnectionSpec { Local = [_psk], Remote = [_psk], Proposals = ["rot13"] });
        Assert.False(compiled.TryGet(item, out var none, out var error));
        Assert.Null(none);
        Assert.False(compiled.TryGet(item, out _, out var again));
        Assert.Equal(error, again);
        Assert.NotEmpty(error);
    }

    private static Item Item(ConnectionSpec spec) => new(new ItemKey(ItemCatalog.Connection, "branch"), spec);
}
