using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Journal;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway journal copy|follow</c>: journals themselves, without any gateway.</summary>
internal static class JournalVerbs
{
    private const string Syntax = "sqlite:PATH, esdb://HOST:2113?stream=NAME, or an appliance.json whose journal is meant.";

    public static Command Make(Where where, Screen screen) => new("journal", "Works on journals themselves.") { Copy(where, screen), Follow(screen) };

    private static Command Copy(Where where, Screen screen)
    {
        var from = new Option<string>("--from") { Description = "The journal to read: " + Syntax, HelpName = "JOURNAL", Required = true };
        var to = new Option<string>("--to") { Description = "The journal to write, empty or an earlier copy.", HelpName = "JOURNAL", Required = true };
        var verb = new Command("copy", "Copies a journal into another store, or goes on with a copy; verifies it at the end.") { from, to };
        verb.SetAction(async (parsed, stop) =>
        {
            var (source, target) = (Address(parsed.GetValue(from)!, "--from"), Address(parsed.GetValue(to)!, "--to"));
            if (source == target) throw new CliException(ExitCodes.Usage, "--from and --to name the same journal.");
            var inUse = source.IsInUse();
            var json = parsed.GetValue(where.Json);
            try
            {
                var reading = source.ToRead();
                await using (((IAsyncDisposable)reading).ConfigureAwait(false))
                {
                    if (target.Anchor() is { Position: > 0 } beside) await JournalCopy.CheckAnchorAsync(reading, beside, stop).ConfigureAwait(false);
                    var writing = target.ToWrite();
                    await using (writing.ConfigureAwait(false))
                    {
                        var shown = 0L;
                        var report = await JournalCopy.RunAsync(
                            reading, writing,
                            position =>
                            {
                                if (json || position < shown + 10_000) return;
                                screen.ErrorOut.WriteLine($"… position {shown = position}");
                            },
                            stop).ConfigureAwait(false);
                        if (source.Anchor() is { } anchor && anchor.Position > report.Head.Position)
                            throw new JournalDamagedException(report.Head.Position + 1, $"The source ends at position {report.Head.Position}, but position {anchor.Position} was committed there: its tail is lost.");
                        if (json) screen.Json(new { copied = report.Copied, commands = report.Commands, verified = report.Verified, head = report.Head.Position, hash = report.Head.Hash, source_in_use = inUse });
                        else screen.Line(string.Create(CultureInfo.InvariantCulture, $"Copied {report.Copied} events with {report.Commands} commands. The copy is intact: {report.Verified} events, head {report.Head.Position} {report.Head.Hash}"));
                        if (inUse && !json) screen.ErrorOut.WriteLine("A gateway still writes to the source: end it, and run this again for what it has added.");
                        return ExitCodes.Done;
                    }
                }
            }
            catch (Exception e) when (e is JournalDamagedException or JournalArchivedException or InvalidDataException or JournalConflictException or JournalUnavailableException or IOException or UnauthorizedAccessException or Microsoft.Data.Sqlite.SqliteException)
            {
                throw new CliException(e is JournalUnavailableException ? ExitCodes.Unreachable : ExitCodes.Rejected, e.Message);
            }
        });
        return verb;
    }

    private static Command Follow(Screen screen)
    {
        var uri = new Option<string>("--uri") { Description = "The event store: esdb://…", HelpName = "URI", Required = true };
        var prefix = new Option<string>("--prefix") { Description = "Only streams whose names begin so.", DefaultValueFactory = _ => Journals.StreamOf(""), HelpName = "TEXT" };
        var checkpoint = new Option<string?>("--checkpoint") { Description = "A file that remembers how far it came, to go on there.", HelpName = "FILE" };
        var verb = new Command("follow", "Prints the events of all gateways of an event store as they come, one JSON object a line.") { uri, prefix, checkpoint };
        verb.SetAction(async (parsed, stop) =>
        {
            if (!EventStoreUri.TryParse(parsed.GetValue(uri)!, out var store, out var error)) throw new CliException(ExitCodes.Usage, $"--uri: {error}");
            using var client = new StoreClient(store.In(Environment.CurrentDirectory), TimeProvider.System);
            var mark = new FleetCheckpoint(parsed.GetValue(checkpoint));
            try
            {
                await foreach (var message in client.FollowAllAsync(mark.Read(), new AllFilter(OnStream: true, [parsed.GetValue(prefix)!]), e => screen.ErrorOut.WriteLine($"gateway: {e.Message} Connecting again."), stop).ConfigureAwait(false))
                {
                    switch (message)
                    {
                        case AllMessage.Event e:
                            screen.Line(Line(e));
                            mark.Write(e.Position);
                            break;
                        case AllMessage.Checkpoint c:
                            mark.Write(c.Position);
                            break;
                    }
                }
            }
            catch (StoreException e)
            {
                throw new CliException(ExitCodes.Unreachable, e.Message);
            }
            catch (InvalidDataException e)
            {
                throw new CliException(ExitCodes.Rejected, e.Message);
            }

            return ExitCodes.Done;
        });
        return verb;
    }

    private static string Line(AllMessage.Event e)
    {
        var known = EventRecord.TryRead(e.Recorded.Revision, e.Recorded.Type, e.Recorded.Metadata.Span, e.Recorded.Data.Span, out var entry, out _);
        return JsonSerializer.Serialize(
            new
            {
                stream = e.Stream,
                position = e.Recorded.Revision + 1,
                @event = e.Recorded.Type,
                time = known ? entry!.Envelope.Time : e.Recorded.Created,
                subject = entry?.Envelope.Subject,
                command_id = entry?.Envelope.CommandId,
                principal = entry?.Envelope.Principal.ToString(),
                issuer = entry?.Envelope.Issuer,
                hash = entry?.Envelope.Hash.ToString(),
                data = entry is null ? (JsonElement?)null : JsonSerializer.Deserialize<JsonElement>(entry.Envelope.Data.Span),
            },
            ApiJson.Options);
    }

    private static JournalAddress Address(string text, string option) =>
        JournalAddress.TryParse(text, out var address, out var error) ? address : throw new CliException(ExitCodes.Usage, $"{option}: {error}");
}
