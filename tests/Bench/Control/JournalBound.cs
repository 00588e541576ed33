using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Bench.Control;

/// <summary>The journal by itself: the same events and the same record as a command has, stored and synced in groups, with nothing before or behind it.</summary>
internal sealed class JournalBound : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly SqliteJournal _store;
    private readonly JournalSequencer _sequencer;
    private long _number;

    private JournalBound(DirectoryInfo folder, SqliteJournal store, JournalSequencer sequencer) => (_folder, _store, _sequencer) = (folder, store, sequencer);

    public static async Task<JournalBound> OpenAsync()
    {
        var folder = Directory.CreateTempSubdirectory("gwctl-");
        var store = new SqliteJournal(Path.Combine(folder.FullName, "journal.db"));
        return new JournalBound(folder, store, new JournalSequencer(store, await store.OpenAsync(default), EventCatalog.Encode));
    }

    public async Task<double> RatePerSecondAsync(int commands, int inFlight)
    {
        using var room = new SemaphoreSlim(inFlight);
        var stored = new List<Task>(commands);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < commands; i++)
        {
            await room.WaitAsync();
            var receipt = Append(++_number);
            stored.Add(receipt.Stored.ContinueWith(_ => room.Release(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default));
        }

        await Task.WhenAll(stored);
        return commands / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public async ValueTask DisposeAsync()
    {
        await _sequencer.DisposeAsync();
        await _store.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private AppendReceipt Append(long n)
    {
        var route = JsonDocument.Parse(ControlSuite.Route(n)).RootElement;
        var put = new ItemPut(new ItemKey("route", route.GetProperty("name").GetString()!), route.GetProperty("spec").Deserialize<RouteSpec>(PolicyJson.Options)!);
        var context = new EventContext(new Principal("bus", "user:guest"), DateTimeOffset.UtcNow, $"bound-{n}", "bench");
        return _sequencer.Append(
            _ => [put, new TransactionCommitted(n, 1, null)],
            context,
            (first, last) => new RecordedCommand(
                new CommandKey(context.Principal, context.CommandId!), new Octets(new byte[32]), first,
                Encoding.UTF8.GetBytes($$$"""{"id":"bound-{{{n}}}","status":"accepted","revision":{{{n}}},"position":{{{last}}},"items":[{"item":"route/r{{{n % 200}}}","state":"applied"}]}""")),
            Durability.Synced);
    }
}
