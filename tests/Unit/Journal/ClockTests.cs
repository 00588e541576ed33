using Gateway.Host.Appliance;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Vault;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Gateway.Unit.Journal;

/// <summary>Clocks that jump and events from the future: told, never guessed about, and positions keep the order.</summary>
public sealed class ClockTests : IDisposable
{
    private readonly JournalWorld _world = new();
    private readonly Lines _log = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(0, null)]
    [InlineData(29, null)]
    [InlineData(-29, null)]
    [InlineData(31, 31)]
    [InlineData(-3600, -3600)]
    [InlineData(86400, 86400)]
    public void A_clock_that_went_on_by_another_span_than_the_machine_was_set(int seconds, int? step)
    {
        var watch = new ClockWatch();
        var begin = JournalWorld.Begin;
        Assert.Null(watch.Step(begin, TimeSpan.FromSeconds(1000)));
        Assert.Null(watch.Step(begin.AddDays(3), TimeSpan.FromSeconds(1000) + TimeSpan.FromDays(3)));
        Assert.Equal(step, (int?)watch.Step(begin.AddDays(3).AddSeconds(10 + seconds), TimeSpan.FromSeconds(1010) + TimeSpan.FromDays(3))?.TotalSeconds);
        // Told once: it is the new time from then on.
        Assert.Null(watch.Step(begin.AddDays(3).AddSeconds(20 + seconds), TimeSpan.FromSeconds(1020) + TimeSpan.FromDays(3)));
    }

    [Fact]
    public async Task A_start_says_that_the_last_event_is_from_the_future_and_goes_on_behind_it()
    {
        _world.Clock = DateTimeOffset.UtcNow - TimeSpan.FromHours(1);
        _world.Commit(JournalWorld.Policy("p"));
        _world.Clock = DateTimeOffset.UtcNow + TimeSpan.FromDays(400);
        await _world.Commit(JournalWorld.Policy("q")).StoreAsync();
        await using var journal = new SqliteJournal(_world.Db, "gw");
        var head = await journal.OpenAsync(default);
        using var vault = OpenVault();
        using var keeping = new JournalKeeping(Appliance, journal, vault, _log);
        var state = await keeping.ReplayAsync(head, default);
        Assert.Equal((4L, 2L), (state.Head.Position, state.Fold.Configuration.Revision));
        Assert.Contains(_log.Warnings, w => w.Contains("which is 400.00", StringComparison.Ordinal) && w.Contains("ahead of this machine's clock", StringComparison.Ordinal));

        // What comes now bears the right time and a later position; a question about now finds it, not the event from the future alone.
        await using (var sequencer = new JournalSequencer(journal, head, EventCatalog.Encode))
            Assert.Equal(5, sequencer.Append([new GatewayStopped("now")], new EventContext(Principal.Gateway, DateTimeOffset.UtcNow), Durability.Synced).First);
        Assert.Equal(5, (await new JournalHistory(journal, null).AtAsync(new Moment.AtTime(DateTimeOffset.UtcNow), false, default))!.Head.Position);
        Assert.Equal(1, (await JournalVerifier.VerifyAsync(journal, null, default)).ClockSteps);
    }

    [Fact]
    public async Task A_start_says_nothing_of_a_clock_that_is_right()
    {
        _world.Clock = DateTimeOffset.UtcNow - TimeSpan.FromHours(1);
        await _world.Commit(JournalWorld.Policy("p")).StoreAsync();
        await using var journal = new SqliteJournal(_world.Db, "gw");
        var head = await journal.OpenAsync(default);
        using var vault = OpenVault();
        using var keeping = new JournalKeeping(Appliance, journal, vault, _log);
        await keeping.ReplayAsync(head, default);
        Assert.Empty(_log.Warnings);
    }

    private ApplianceConfig Appliance => new() { Id = "gw", Journal = new JournalSection { Path = _world.Db, Archive = _world.Archive } };

    private VaultFile OpenVault() =>
        VaultFile.Open(Path.Combine(_world.Folder, "vault"), KeyEncryptionKey.Load(Path.Combine(_world.Folder, "vault.key"), mayCreate: true), "gw", Guid.NewGuid(), 64);

    private sealed class Lines : ILogger
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning) Warnings.Add(formatter(state, exception));
        }
    }
}
