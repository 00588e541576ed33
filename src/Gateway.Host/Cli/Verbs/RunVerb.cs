using System.CommandLine;
using Gateway.Host.Appliance;
using Gateway.Host.Runtime;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway run</c>: the gateway itself, in the foreground.</summary>
internal static class RunVerb
{
    public static Command Make(Where where)
    {
        var verb = new Command("run", "Runs the gateway in the foreground.");
        verb.SetAction((parsed, _) =>
        {
            try
            {
                return GatewayProcess.RunAsync(ApplianceFile.Load(parsed.GetValue(where.Config) ?? ApplianceFile.DefaultName));
            }
            catch (ApplianceException e)
            {
                throw new CliException(ExitCodes.Usage, e.Message);
            }
        });
        return verb;
    }
}
