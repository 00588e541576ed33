using System.CommandLine;
using System.Globalization;
using Gateway.Host.Api.Views;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Journal;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway verify</c>: the gateway's own journal, or a copy or bundles with a public key and nothing else.</summary>
internal static class VerifyVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var journal = new Option<string?>("--journal") { Description = "A copy of a journal's database; no gateway is asked.", HelpName = "FILE" };
        var bundles = new Option<string[]>("--bundle") { Description = "A bundle; several one after the other, each beginning where the one before it ends.", HelpName = "FILE", AllowMultipleArgumentsPerToken = true };
        var key = new Option<string?>("--public-key") { Description = "The gateway's public key (PEM), kept elsewhere: signed heads must be by it.", HelpName = "FILE" };
        var heads = new Option<string?>("--heads") { Description = "Signed heads that were kept elsewhere; default those beside the journal.", HelpName = "FILE" };
        var verb = new Command("verify", "Recomputes the journal's hash chain and holds it to its signed heads.") { journal, bundles, key, heads };
        verb.SetAction(async (parsed, stop) =>
        {
            var given = new Evidence(parsed.GetValue(journal), parsed.GetValue(bundles) ?? [], Key(parsed.GetValue(key)), parsed.GetValue(heads));
            var view = given.IsElsewhere
                ? await VerifyAsync(given, stop).ConfigureAwait(false)
                : await Ask.Async(where, parsed, client => client.GetAsync<VerifyView>("/v1/verify", stop), records => records.VerifyAsync(stop)).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(view);
            else Say(view, screen);
            return view.Intact ? ExitCodes.Done : ExitCodes.Rejected;
        });
        return verb;
    }

    private static void Say(VerifyView view, Screen screen)
    {
        if (view.Intact) screen.Line($"The journal is intact: {view.Events} events{(view.Begin > 0 ? $" behind position {view.Begin}" : "")}, head {view.Position} {view.Hash}");
        else screen.Error(view.FirstBad is { } bad ? $"The journal is NOT intact, from position {bad} on: {view.Problem}" : $"The journal is NOT proved to be intact: {view.Problem}");
        if (view.Key is { } key) screen.Line(view.SignedUpTo > 0 ? $"Signed up to position {view.SignedUpTo} ({view.SignedHeads} heads) by the key {key}." : $"No signed head by the key {key}.");
        if (view.ClockSteps > 0) screen.Line($"The clock was set back {view.ClockSteps} time{(view.ClockSteps == 1 ? "" : "s")}; positions keep the order.");
    }

    private static async Task<VerifyView> VerifyAsync(Evidence given, CancellationToken stop)
    {
        using var own = given.Key is null && given.Journal is { } beside ? HeadFiles.PublicKeyOf(beside) : null;
        var key = given.Key ?? own;
        var (view, head) = ((VerifyView?)null, (JournalHead?)null);
        foreach (var path in given.Bundles)
        {
            var bundle = Open(path);
            if (head is { } before && bundle.Header.Begin != before)
                return view! with { Intact = false, FirstBad = before.Position + 1, Problem = $"{path} begins behind position {bundle.Header.Begin.Position}, not behind position {before.Position} as the one before it ends." };
            var against = new VerifyAgainst { Begin = bundle.Header.Begin, Heads = [.. bundle.Heads(), .. given.HeadsOf(null)], Key = key, MustBeSigned = given.Key is not null, MayEndEarly = true };
            var next = JournalRecords.View(await JournalVerifier.HoldAsync(bundle, against, stop).ConfigureAwait(false), key);
            view = view is null ? next : next with { Events = next.Events + view.Events, SignedHeads = next.SignedHeads + view.SignedHeads, Begin = view.Begin, ClockSteps = next.ClockSteps + view.ClockSteps };
            if (!view.Intact) return view;
            head = new JournalHead(view.Position, Policy.Octets.FromHex(view.Hash));
        }

        if (given.Journal is not { } file) return view!;
        if (!File.Exists(file)) throw new CliException(ExitCodes.Unreachable, $"There is no journal at {file}.");
        if (BundleReader.IsBundle(file)) throw new CliException(ExitCodes.Usage, $"{file} is a bundle: say --bundle {file}.");
        var journal = SqliteJournal.OpenForReading(file);
        await using (journal.ConfigureAwait(false))
        {
            try
            {
                if (head is { } ends && (await journal.BaseAsync(stop).ConfigureAwait(false))?.Head is var begin && begin != ends)
                    return view! with { Intact = false, FirstBad = ends.Position + 1, Problem = $"The journal goes on behind position {begin?.Position ?? 0}, not behind position {ends.Position} as the bundles end." };
                var against = new VerifyAgainst { Anchor = HeadAnchor.Read(SqliteJournal.AnchorPath(file)), Heads = given.HeadsOf(file), Key = key, MustBeSigned = given.Key is not null };
                var last = JournalRecords.View(await JournalVerifier.HoldAsync(journal, against, stop).ConfigureAwait(false), key);
                return view is null ? last : last with { Events = last.Events + view.Events, Begin = view.Begin };
            }
            catch (Microsoft.Data.Sqlite.SqliteException e)
            {
                return new VerifyView(false, 0, 0, HashChain.Genesis.ToString(), 1, $"{file} cannot be read: {e.Message}");
            }
        }
    }

    private static BundleReader Open(string path)
    {
        try
        {
            return BundleReader.Open(path);
        }
        catch (BundleException e)
        {
            throw new CliException(ExitCodes.Rejected, e.Message);
        }
    }

    private static HeadKey? Key(string? path)
    {
        if (path is null) return null;
        try
        {
            return HeadKey.FromPem(File.ReadAllText(path)) ?? throw new CliException(ExitCodes.Usage, $"{path} holds no public key for ECDSA P-256.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"{path} cannot be read: {e.Message}");
        }
    }

    /// <summary>What is verified, and by what.</summary>
    private sealed record Evidence(string? Journal, string[] Bundles, HeadKey? Key, string? Heads)
    {
        public bool IsElsewhere => Journal is not null || Bundles.Length > 0;

        public IReadOnlyList<SignedHead> HeadsOf(string? journal)
        {
            if (Heads is { } kept && !File.Exists(kept)) throw new CliException(ExitCodes.Usage, $"There is no file {kept}.");
            return (Heads ?? (journal is null ? null : HeadFiles.HeadsPath(journal))) is { } path ? HeadFiles.Read(path).Heads : [];
        }
    }
}

/// <summary><c>gateway key export</c>.</summary>
internal static class KeyVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var export = new Command("export", "Prints the public key by which signed heads and bundles are verified (PEM).");
        export.SetAction(async (parsed, stop) =>
        {
            KeyView view;
            if (where.Offline(parsed) is { } appliance)
            {
                using var key = HeadFiles.PublicKeyOf(appliance.Journal.Path) ?? throw new CliException(ExitCodes.Unreachable, $"There is no public key beside {appliance.Journal.Path}, and no gateway answers.");
                view = new KeyView(appliance.Id, JournalKeeping.KeyAlgorithm, key.Fingerprint.ToString(), key.Pem);
            }
            else
            {
                using var client = where.Connect(parsed);
                view = await client.GetAsync<KeyView>("/v1/key", stop).ConfigureAwait(false);
            }

            if (parsed.GetValue(where.Json)) screen.Json(view);
            else screen.Out.Write(view.Pem);
            return ExitCodes.Done;
        });
        return new Command("key", "The key that signs the journal's heads.") { export };
    }
}

/// <summary><c>gateway export FILE</c>: a period as a bundle.</summary>
internal static class ExportVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var file = new Argument<string>("FILE") { Description = "Where the bundle goes; it must not be there yet." };
        var since = new Option<string?>("--since") { Description = "Behind this moment; default from the beginning.", HelpName = "AT" };
        var until = new Option<string?>("--until") { Description = "Up to this moment; default now.", HelpName = "AT" };
        var verb = new Command("export", "Writes the events of a period as a bundle that can be verified by itself.") { file, since, until };
        verb.SetAction(async (parsed, stop) =>
        {
            var path = parsed.GetValue(file)!;
            if (File.Exists(path)) throw new CliException(ExitCodes.Usage, $"{path} is there already.");
            var (from, to) = (parsed.GetValue(since), parsed.GetValue(until));
            var fresh = path + ".new";
            try
            {
                await Ask.Async(
                    where, parsed,
                    async client =>
                    {
                        await client.DownloadAsync(Query.Path("/v1/export", ("since", from), ("until", to)), fresh, stop).ConfigureAwait(false);
                        return true;
                    },
                    async records =>
                    {
                        var appliance = where.Offline(parsed)!;
                        using var key = HeadFiles.PublicKeyOf(appliance.Journal.Path);
                        var (history, begin, last) = await records.PeriodAsync(from, to, stop).ConfigureAwait(false);
                        var signing = new BundleSigning { Gateway = appliance.Id, Key = key, Heads = HeadFiles.Read(HeadFiles.HeadsPath(appliance.Journal.Path)).Heads };
                        var output = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None);
                        await using (output.ConfigureAwait(false)) await BundleWriter.WriteAsync(history.Journal, begin, last, signing, output, stop).ConfigureAwait(false);
                        return true;
                    }).ConfigureAwait(false);
                File.Move(fresh, path);
            }
            finally
            {
                File.Delete(fresh);
            }

            var header = BundleReader.Open(path).Header;
            if (parsed.GetValue(where.Json)) screen.Json(header);
            else screen.Line($"{path}: positions {header.From.ToString(CultureInfo.InvariantCulture)} to {header.To.ToString(CultureInfo.InvariantCulture)} of {header.Gateway}");
            return ExitCodes.Done;
        });
        return verb;
    }
}

/// <summary><c>gateway archive --until AT</c>: retention.</summary>
internal static class ArchiveVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var until = new Option<string>("--until") { Description = "Up to this moment, inclusive.", HelpName = "AT", Required = true };
        var verb = new Command("archive", "Moves old events into a bundle of the archive; the chain goes on.") { until };
        verb.SetAction(async (parsed, stop) =>
        {
            var moment = parsed.GetValue(until)!;
            var view = await Ask.Async(
                where, parsed,
                client => client.PostAsync<ArchiveView>(Query.Path("/v1/archive", ("until", moment)), stop),
                records => OfflineAsync(where.Offline(parsed)!, records, moment, stop)).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(view);
            else screen.Line(view.To is null ? "Nothing was left to archive." : $"Positions {view.From} to {view.To} are in {view.Bundle}.");
            return ExitCodes.Done;
        });
        return verb;
    }

    private static async Task<ArchiveView> OfflineAsync(Appliance.ApplianceConfig appliance, JournalRecords records, string moment, CancellationToken stop)
    {
        if (appliance.Journal.Kind != Appliance.JournalKind.Sqlite) throw new CliException(ExitCodes.Rejected, "This kind of journal is not archived by the gateway.");
        var position = await records.PositionAsync(moment, stop).ConfigureAwait(false);
        try
        {
            using var key = HeadFiles.PublicKeyOf(appliance.Journal.Path);
            var journal = new SqliteJournal(appliance.Journal.Path, appliance.Id);
            await using (journal.ConfigureAwait(false))
            {
                await journal.OpenAsync(stop).ConfigureAwait(false);
                var archiver = new Archiver(journal, new JournalHistory(journal, null), appliance.Journal.Archive);
                var signing = new BundleSigning { Gateway = appliance.Id, Key = key, Heads = HeadFiles.Read(HeadFiles.HeadsPath(appliance.Journal.Path)).Heads };
                var period = await archiver.ArchiveAsync(position, signing, stop).ConfigureAwait(false);
                return new ArchiveView(period?.From, period?.To, period?.Bundle);
            }
        }
        catch (JournalUnavailableException e)
        {
            throw new CliException(ExitCodes.Rejected, e.Message);
        }
    }
}
