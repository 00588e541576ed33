using Gateway.Host.Bus;
using Gateway.Policy;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class ConfirmWindowTests
{
    [Fact]
    public async Task The_mark_stands_behind_the_last_position_up_to_which_everything_is_confirmed()
    {
        var window = new ConfirmWindow(first: 101, size: 8);
        Assert.Null(window.Mark);
        for (byte i = 1; i <= 4; i++) await window.EnterAsync(Hash(i), TestContext.Current.CancellationToken);

        Assert.Equal(0, window.Confirm(2, multiple: false));
        Assert.Null(window.Mark);
        Assert.Equal(2, window.Confirm(1, multiple: false));
        Assert.Equal((102, Hash(2)), window.Mark);
        Assert.Equal(2, window.Confirm(4, multiple: true));
        Assert.Equal((104, Hash(4)), window.Mark);
    }

    [Fact]
    public async Task No_more_than_the_windows_size_is_on_its_way()
    {
        var window = new ConfirmWindow(first: 1, size: 2);
        await window.EnterAsync(Hash(1), TestContext.Current.CancellationToken);
        await window.EnterAsync(Hash(2), TestContext.Current.CancellationToken);
        var third = window.EnterAsync(Hash(3), TestContext.Current.CancellationToken);
        Assert.False(third.IsCompleted);
        window.Confirm(1, multiple: false);
        await third;
    }

    [Fact]
    public async Task Confirms_in_any_order_lead_where_a_list_of_them_leads()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var count = random.Next(1, 40);
            var window = new ConfirmWindow(first: 1, size: 64);
            for (var i = 1; i <= count; i++) await window.EnterAsync(Hash((byte)i), TestContext.Current.CancellationToken);
            var confirmed = new bool[count + 1];
            foreach (var number in Enumerable.Range(1, count).OrderBy(_ => random.Next()))
            {
                var multiple = random.Next(4) == 0;
                for (var n = multiple ? 1 : number; n <= number; n++) confirmed[n] = true;
                window.Confirm((ulong)number, multiple);
                var upTo = 0;
                while (upTo < count && confirmed[upTo + 1]) upTo++;
                Assert.True((window.Mark?.Position ?? 0) == upTo, $"seed {seed}");
            }
        }
    }

    private static Octets Hash(byte n) => new([n]);
}
