using System.CommandLine;
using Gateway.Host.Api;
using Gateway.Host.Appliance;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Host.Runtime;
using Gateway.Policy.Journal;

namespace Gateway.Host.Cli;

/// <summary>Asks the running gateway, or, when only its files are there, the journal itself.</summary>
internal static class Ask
{
    public static async Task<T> Async<T>(Where where, ParseResult parsed, Func<GatewayClient, Task<T>> online, Func<JournalRecords, Task<T>> offline)
    {
        if (where.Offline(parsed) is not { } appliance)
        {
            using var client = where.Connect(parsed);
            return await online(client).ConfigureAwait(false);
        }

        try
        {
            var journal = Journals.OpenForReading(appliance);
            await using (journal.ConfigureAwait(false))
            {
                return await offline(Records(journal, appliance)).ConfigureAwait(false);
            }
        }
        catch (Microsoft.Data.Sqlite.SqliteException e)
        {
            throw new CliException(ExitCodes.Rejected, $"The journal {appliance.Journal.Path} cannot be read: {e.Message}");
        }
        catch (FileNotFoundException e)
        {
            throw new CliException(ExitCodes.Unreachable, e.Message);
        }
        catch (JournalUnavailableException e)
        {
            throw new CliException(ExitCodes.Unreachable, e.Message);
        }
        catch (JournalDamagedException e)
        {
            throw new CliException(ExitCodes.Rejected, e.Message);
        }
        catch (AskedWrongException e)
        {
            throw new CliException(ExitCodes.Rejected, e.Message);
        }
    }

    /// <summary>What can be told of a gateway's journal. Its snapshots are used when the public key that lies beside it vouches for them.</summary>
    internal static JournalRecords Records(IJournal journal, ApplianceConfig appliance)
    {
        var path = appliance.Journal.Path;
        var snapshots = HeadFiles.PublicKeyOf(path) is { } key ? new SnapshotStore(SnapshotStore.FolderOf(path), appliance.Id, key) : null;
        return new JournalRecords(new JournalHistory(journal, snapshots), () => new VerifyAgainst
        {
            Anchor = Journals.Anchor(appliance),
            Heads = HeadFiles.Read(HeadFiles.HeadsPath(path)).Heads,
            Key = HeadFiles.PublicKeyOf(path),
        })
        {
            Archived = new JournalHistory(new ArchivedJournal(journal, appliance.Journal.Archive), snapshots),
        };
    }
}
