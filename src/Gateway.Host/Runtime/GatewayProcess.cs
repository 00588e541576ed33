using System.Runtime.InteropServices;
using Gateway.Host.Appliance;
using Gateway.Host.Cli;
using Gateway.Host.Journal;
using Gateway.Host.Vault;
using Gateway.Policy.Journal;

namespace Gateway.Host.Runtime;

/// <summary>The gateway as a process: starts it, waits for SIGINT or SIGTERM, ends it in good order.</summary>
internal static class GatewayProcess
{
    public static async Task<int> RunAsync(ApplianceConfig appliance)
    {
        // A start may wait for the journal's store; a signal ends the waiting.
        using var starting = new CancellationTokenSource();
        var started = false;
        var asked = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Ask(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (!started) starting.Cancel();
            asked.TrySetResult(signal.Signal.ToString());
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
        using var logs = new Logs(appliance.Log);
        try
        {
            var gateway = await GatewayRuntime.StartAsync(appliance, logs, reason => asked.TrySetResult(reason), starting.Token).ConfigureAwait(false);
            started = true;
            await using (gateway.ConfigureAwait(false))
            {
                gateway.StopReason = await asked.Task.ConfigureAwait(false);
            }

            return gateway.Failed ? ExitCodes.Rejected : ExitCodes.Done;
        }
        catch (OperationCanceledException) when (starting.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("gateway: ended while it was starting.").ConfigureAwait(false);
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is JournalDamagedException or JournalUnavailableException or JournalConflictException or VaultException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"gateway: {e.Message}").ConfigureAwait(false);
            return ExitCodes.Rejected;
        }
    }
}
