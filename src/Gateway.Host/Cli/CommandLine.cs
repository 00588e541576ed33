using System.CommandLine;
using Gateway.Host.Cli.Verbs;
using Gateway.Host.Runtime;

namespace Gateway.Host.Cli;

/// <summary>The one binary: reads the arguments, runs the verb, gives the exit code.</summary>
public static class CommandLine
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var screen = new Screen(Console.Out, Console.Error, !Console.IsOutputRedirected) { Input = Console.IsInputRedirected ? null : Console.In };
        return await RunAsync(arguments, screen).ConfigureAwait(false);
    }

    internal static async Task<int> RunAsync(string[] arguments, Screen screen)
    {
        if (arguments is ["run", ..]) HeadStart.Begin();
        // An argument such as @41 is a position of the journal, never a file of further arguments.
        var parsed = Root(screen, arguments is ["run", ..]).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
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
        catch (Journal.JournalUnavailableException e)
        {
            screen.Error(e.Message);
            return ExitCodes.Unreachable;
        }
        catch (Policy.Journal.JournalDamagedException e)
        {
            screen.Error(e.Message);
            return ExitCodes.Rejected;
        }
        catch (IOException e)
        {
            screen.Error(e.Message);
            return ExitCodes.Rejected;
        }
    }

    /// <param name="runs">Only the verb that runs the gateway: it shall be up soon, and needs no other.</param>
    private static RootCommand Root(Screen screen, bool runs)
    {
        var where = new Where();
        var root = new RootCommand("An IPsec VPN gateway and edge appliance whose configuration is its journal.");
        root.Options.Add(where.Socket);
        root.Options.Add(where.Config);
        root.Options.Add(where.Json);
        root.Subcommands.Add(RunVerb.Make(where));
        if (!runs) AddOthers(root, where, screen);
        return root;
    }

    private static void AddOthers(RootCommand root, Where where, Screen screen)
    {
        foreach (var verb in new[]
        {
            ApplyVerb.Make(where, screen), ShowVerb.Make(where, screen), ShowVerb.MakeSas(where, screen), SaVerbs.Make("initiate", where, screen), SaVerbs.Make("rekey", where, screen),
            SaVerbs.Make("terminate", where, screen), HistoryVerb.Make(where, screen), ConfigVerb.Make(where, screen), DiffVerb.Make(where, screen), UndoVerb.Make(where, screen), UndoVerb.MakeRestore(where, screen), BlameVerb.Make(where, screen),
            VerifyVerb.Make(where, screen), KeyVerb.Make(where, screen), ExportVerb.Make(where, screen), ArchiveVerb.Make(where, screen), ExplainVerb.Make(where, screen), TraceVerb.Make(where, screen), ImportVerb.Make(where, screen), SchemaVerb.Make(where, screen), LogLevelVerb.Make(where, screen), JournalVerbs.Make(where, screen),
            NatVerb.Make(where, screen), ClearVerb.Make(where, screen),
        })
            root.Subcommands.Add(verb);
    }
}
