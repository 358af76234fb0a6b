/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/findings.h"

const char *severity_text(enum severity severity)
{
	switch (severity) {
	case SEVERITY_INFO:
		return "info";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_ERROR:
		return "error";
	}
	return "?";
}

const char *confidence_text(enum confidence confidence)
{
	switch (confidence) {
	case CONFIDENCE_POSSIBLE:
		return "possible";
	case CONFIDENCE_LIKELY:
		return "likely";
	case CONFIDENCE_CERTAIN:
		return "certain";
	}
	return "?";
}
