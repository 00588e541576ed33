using System.CommandLine;
using Gateway.Host.Api;
using Gateway.Host.Journal;
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
                return await offline(new JournalRecords(journal, () => Journals.Anchor(appliance))).ConfigureAwait(false);
            }
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
}
