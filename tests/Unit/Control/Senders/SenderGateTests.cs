using Gateway.Host.Control.Senders;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Control.Senders;

public sealed class SenderGateTests
{
    private readonly VirtualTime _clock = new();

    [Fact]
    public void A_burst_is_let_in_at_once_and_then_as_many_a_second_as_the_rate_says()
    {
        var gate = new SenderGate(_clock);
        var sender = Sender("a", rate: 10, burst: 5);
        Assert.Equal(5, LetIn(gate, sender, 20));
        _clock.Advance(TimeSpan.FromMilliseconds(300));
        Assert.Equal(3, LetIn(gate, sender, 20));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(5, LetIn(gate, sender, 20));
        // Another sender has a bucket of its own.
        Assert.Equal(5, LetIn(gate, Sender("b", rate: 10, burst: 5), 20));
    }

    [Fact]
    public void So_many_are_in_flight_and_no_more_until_one_has_its_outcome()
    {
        var gate = new SenderGate(_clock);
        var sender = Sender("a", inFlight: 2);
        Assert.True(gate.TryEnter(sender, out var first, out _));
        Assert.True(gate.TryEnter(sender, out _, out _));
        Assert.False(gate.TryEnter(sender, out _, out var why));
        Assert.Contains("2 commands of bus:user:a have no outcome yet", why);
        first.Leave();
        Assert.True(gate.TryEnter(sender, out _, out _));
    }

    [Fact]
    public void Any_number_of_names_takes_a_bounded_memory_and_none_escapes_its_limit()
    {
        var gate = new SenderGate(_clock);
        for (var i = 0; i < SenderGate.MaxPrincipals; i++) Assert.True(gate.TryEnter(Sender($"n{i}", inFlight: 1), out _, out _));
        // All of them are busy: further ones share one count.
        Assert.True(gate.TryEnter(Sender("x", inFlight: 1), out var pass, out _));
        Assert.False(gate.TryEnter(Sender("y", inFlight: 1), out _, out _));
        pass.Leave();
        Assert.True(gate.TryEnter(Sender("y", inFlight: 1), out _, out _));
    }

    private static int LetIn(SenderGate gate, Standing sender, int tries)
    {
        var count = 0;
        for (var i = 0; i < tries; i++)
        {
            if (!gate.TryEnter(sender, out var pass, out _)) continue;
            count++;
            pass.Leave();
        }

        return count;
    }

    private static Standing Sender(string name, double rate = 0, int burst = 1, int inFlight = 100) =>
        new(new Speaker(new Principal("bus", $"user:{name}"), Rights.All), CommandLimits.Default, rate, burst, inFlight);
}
