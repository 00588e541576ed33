using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed unsafe class RowSlabTests
{
    [Theory]
    [InlineData(88)]
    [InlineData(512)]
    public void Rows_are_zeroed_and_lie_apart_at_cache_lines(int size)
    {
        using var slab = new RowSlab(size);
        var rows = new nint[20_000];
        for (var i = 0; i < rows.Length; i++)
        {
            var row = new Span<byte>(slab.Take(), size);
            Assert.False(row.ContainsAnyExcept((byte)0));
            row.Fill(0xFF);
            fixed (byte* at = row) rows[i] = (nint)at;
        }

        Array.Sort(rows);
        for (var i = 0; i < rows.Length; i++)
        {
            Assert.Equal(0, rows[i] % 64);
            if (i > 0) Assert.True(rows[i] - rows[i - 1] >= size);
        }
    }

    [Fact]
    public void A_row_that_was_given_back_is_taken_again_empty()
    {
        using var slab = new RowSlab(100);
        var row = (byte*)slab.Take();
        row[99] = 1;
        slab.Give(row);
        Assert.True(row == slab.Take());
        Assert.Equal(0, row[99]);
    }
}
