using System.CommandLine;
using Gateway.Host.Cli.Verbs;

namespace Gateway.Host.Cli;

/// <summary>The one binary: reads the arguments, runs the verb, gives the exit code.</summary>
public static class CommandLine
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var screen = new Screen(Console.Out, Console.Error, !Console.IsOutputRedirected);
        return await RunAsync(arguments, screen).ConfigureAwait(false);
    }

    internal static async Task<int> RunAsync(string[] arguments, Screen screen)
    {
        var parsed = Root(screen).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) screen.Error(error.Message);
            screen.Error("Try: gateway --help");
            return ExitCodes.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = screen.Out, Error = screen.ErrorOut }).ConfigureAwait(false);
        }
        catch (CliException e)
        {
            screen.Error(e.Message);
            return e.Code;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Done;
        }
        catch (IOException e)
        {
            screen.Error(e.Message);
            return ExitCodes.Rejected;
        }
    }

    private static RootCommand Root(Screen screen)
    {
        var where = new Where();
        var root = new RootCommand("An IPsec VPN gateway and edge appliance whose configuration is its journal.");
        root.Options.Add(where.Socket);
        root.Options.Add(where.Config);
        root.Options.Add(where.Json);
        foreach (var verb in new[]
        {
            RunVerb.Make(where), ApplyVerb.Make(where, screen), ShowVerb.Make(where, screen), SaVerbs.Make("initiate", where, screen), SaVerbs.Make("rekey", where, screen),
            SaVerbs.Make("terminate", where, screen), HistoryVerb.Make(where, screen), ConfigVerb.Make(where, screen), DiffVerb.Make(where, screen), UndoVerb.Make(where, screen),
            VerifyVerb.Make(where, screen), TraceVerb.Make(where, screen), ImportVerb.Make(where, screen), SchemaVerb.Make(where, screen), LogLevelVerb.Make(where, screen), JournalVerbs.Make(where, screen),
        })
            root.Subcommands.Add(verb);
        return root;
    }
}
